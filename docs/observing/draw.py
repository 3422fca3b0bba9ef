#!/usr/bin/env python3
"""Draws the panels of docs/observing/grafana.json from what a Prometheus has scraped, as docs/observing/panels.svg.

    cargo run --example observed -- --port 9464 &
    prometheus --config.file=docs/observing/prometheus.yml --storage.tsdb.path=/tmp/observed &
    sleep 300; python3 docs/observing/draw.py http://127.0.0.1:9090
"""

import json
import math
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
PANEL_W, PANEL_H, GAP = 440, 150, 18
LEFT, TOP, BOTTOM = 52, 26, 40
COLOURS = ["#2f7ed8", "#d9534f", "#3c9d5d", "#b07aa1", "#e0962c", "#17a2b8", "#7f7f7f"]
SPAN, STEP = 240, 2


def scraped(url, expr):
    expr = expr.replace("$__rate_interval", "30s")
    now = time.time()
    ask = urllib.parse.urlencode({"query": expr, "start": now - SPAN, "end": now, "step": STEP})
    with urllib.request.urlopen(f"{url}/api/v1/query_range?{ask}") as answer:
        return now, json.load(answer)["data"]["result"]


def named(legend, labels):
    for key, value in labels.items():
        legend = legend.replace("{{" + key + "}}", value)
    return legend


def shown(value):
    for size, unit in [(86400, "d"), (3600, "h")]:
        if abs(value) >= size:
            return f"{value / size:.0f} {unit}"
    return f"{value:.3g}"


def text(x, y, words, size=11, anchor="start", weight="normal", fill="#444"):
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-family="system-ui, sans-serif" font-size="{size}" '
            f'font-weight="{weight}" text-anchor="{anchor}" fill="{fill}">{words}</text>')


def lines_of(url, panel):
    lines = []
    for target in panel["targets"]:
        now, result = scraped(url, target["expr"])
        for series in result:
            points = [(float(at) - now, float(value)) for at, value in series["values"]]
            points = [point for point in points if math.isfinite(point[1])]
            if points:
                lines.append((named(target["legendFormat"], series["metric"]), points))
    return lines[:len(COLOURS)]


def panel_svg(x, y, title, lines):
    w, h = PANEL_W - LEFT - 10, PANEL_H - TOP - BOTTOM
    parts = [f'<rect x="{x}" y="{y}" width="{PANEL_W}" height="{PANEL_H}" rx="6" fill="#fff" stroke="#ddd"/>',
             text(x + 10, y + 17, title, 12, weight="600", fill="#222")]
    values = [value for _, points in lines for _, value in points]
    top = max(values, default=0) or 1
    least = min((value for value in values if value > 0), default=top)
    # From hours to decades, only a logarithm shows both.
    wide = least * 1000 < top and "left" in title

    def share_of(value):
        if wide:
            return math.log(max(value, least) / least) / math.log(top / least)
        return max(value, 0) / top

    for share in (0, 0.5, 1):
        level = y + TOP + h * (1 - share)
        value = least * (top / least) ** share if wide else top * share
        parts.append(f'<path d="M{x + LEFT} {level:.1f}h{w}" stroke="#eee"/>')
        parts.append(text(x + LEFT - 5, level + 4, shown(value), 10, "end"))
    legend = x + 10
    for colour, (name, points) in zip(COLOURS, lines):
        path = " ".join(f"{x + LEFT + w * (1 + at / SPAN):.1f},{y + TOP + h * (1 - share_of(value)):.1f}"
                        for at, value in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        row = y + PANEL_H - 20 if legend < x + PANEL_W - 20 - 6 * len(name) else y + PANEL_H - 7
        if row == y + PANEL_H - 7 and not any(f'data-second="{x}-{y}"' in part for part in parts):
            legend = x + 10
            parts.append(f'<g data-second="{x}-{y}"/>')
        parts.append(f'<rect x="{legend}" y="{row - 7}" width="8" height="8" fill="{colour}"/>')
        parts.append(text(legend + 12, row, name, 10))
        legend += 26 + 5.6 * len(name)
    return parts


def main(url):
    panels = json.loads((HERE / "grafana.json").read_text())["panels"]
    drawn = [(panel["title"], lines_of(url, panel)) for panel in panels]
    drawn = [(title, lines) for title, lines in drawn if lines]
    rows = -(-len(drawn) // 2)
    width, height = 2 * PANEL_W + 3 * GAP, rows * (PANEL_H + GAP) + GAP
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
             f'<rect width="{width}" height="{height}" fill="#f6f7f8"/>']
    for place, (title, lines) in enumerate(drawn):
        x, y = GAP + (place % 2) * (PANEL_W + GAP), GAP + (place // 2) * (PANEL_H + GAP)
        parts += panel_svg(x, y, title, lines)
    (HERE / "panels.svg").write_text("\n".join(parts + ["</svg>"]) + "\n")
    print(f"{len(drawn)} of {len(panels)} panels had something to show")
    return len(drawn) == len(panels)


if not main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:9090"):
    sys.exit(1)
