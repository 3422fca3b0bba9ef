"""Two plots as SVG, of what side_by_side has written: what we cost beside each peer, and how cost grows with the work.

Colours are of a middle lightness and nothing is filled behind them, so that they can be read on light and dark pages alike.
"""
import html
import math

TEXT = "#7d8590"
OURS, MET, MISSED = "#2f81f7", "#3fb950", "#d29922"
LINES = ["#2f81f7", "#3fb950", "#d29922", "#db61a2", "#a371f7", "#e5534b"]


def text(x, y, words, anchor="start", size=12, colour=TEXT):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{html.escape(words)}</text>'


def line(x1, y1, x2, y2, colour=TEXT, width=1, opacity=0.35):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}" stroke-opacity="{opacity}"/>'


def svg(width, height, title, parts):
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" font-family="system-ui, sans-serif">'
    return "\n".join([head, f"<title>{html.escape(title)}</title>", *parts, "</svg>"]) + "\n"


def ratios(rows):
    """Rows of (name, against, ratio, goal), as bars on a scale of powers of two."""
    step, left, width = 18, 330, 860
    low, high = math.log2(0.0625), math.log2(4)
    at = lambda ratio: left + (min(max(math.log2(ratio), low), high) - low) / (high - low) * (width - left - 60)
    height = len(rows) * step + 50
    parts = []
    for power in range(-4, 3):
        x = at(2.0**power)
        parts += [line(x, 24, x, height - 18, width=2 if power == 0 else 1), text(x, 16, f"{2.0**power:g}", "middle")]
    for number, (name, against, ratio, goal) in enumerate(rows):
        y = 30 + number * step
        colour = MET if ratio <= goal else MISSED
        x = min(at(ratio), at(1.0))
        parts.append(text(left - 8, y + 11, f"{name} / {against}", "end", 11))
        parts.append(f'<rect x="{x:.1f}" y="{y}" width="{max(abs(at(ratio) - at(1.0)), 2):.1f}" height="12" fill="{colour}"/>')
        parts.append(text(at(max(ratio, 1.0)) + 5, y + 11, f"{ratio:.2f}", size=11))
    parts.append(text(left, height - 4, "times what it is compared with; left of 1 is faster; green: goal met", size=11))
    return svg(width, height, "Ratios to peers and to the least work", parts)


def growth(series):
    """{name: [(size, nanoseconds)..]}, both scales of powers of ten."""
    width, height, left, bottom, right = 860, 420, 70, 370, 680
    points = [point for found in series.values() for point in found]
    top = math.ceil(max(math.log10(nanos) for _, nanos in points))
    base = math.floor(min(math.log10(nanos) for _, nanos in points))
    most = max(math.log10(size) for size, _ in points)
    across = lambda size: left + math.log10(size) / most * (right - left)
    up = lambda nanos: bottom - (math.log10(nanos) - base) / (top - base) * (bottom - 30)
    parts = []
    for power in range(base, top + 1):
        parts += [line(left, up(10.0**power), right, up(10.0**power)), text(left - 8, up(10.0**power) + 4, unit(10.0**power), "end")]
    for power in range(int(most) + 1):
        parts += [line(across(10**power), 30, across(10**power), bottom), text(across(10**power), bottom + 18, f"{10**power:,}", "middle")]
    labels = sorted((up(found[-1][1]), name) for name, found in series.items())
    places, last = {}, -math.inf
    for y, name in labels:
        last = places[name] = max(y, last + 15)
    for (name, found), colour in zip(series.items(), LINES):
        path = " ".join(f"{across(size):.1f},{up(nanos):.1f}" for size, nanos in found)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{across(size):.1f}" cy="{up(nanos):.1f}" r="3" fill="{colour}"/>' for size, nanos in found]
        parts.append(line(across(found[-1][0]), up(found[-1][1]), right + 8, places[name] - 4, colour))
        parts.append(text(right + 12, places[name], name, colour=colour))
    parts.append(text(left, height - 8, "how many there are; time of one question", size=11))
    return svg(width, height, "Cost of one question as work grows", parts)


def unit(nanos):
    for size, name in ((1e9, "s"), (1e6, "ms"), (1e3, "us")):
        if nanos >= size:
            return f"{nanos / size:g} {name}"
    return f"{nanos:g} ns"
