"""Two plots as SVG, of what side_by_side has written: what we cost beside each peer, and how cost grows with the work.

Colours are of a middle lightness and nothing is filled behind them, so that they can be read on light and dark pages alike.
"""
import html
import math

TEXT = "#6e7681"
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
    """Rows of (name, against, ratio, goal), as bars on a scale of powers of two, with a heading for each part."""
    step, left, width = 18, 330, 860
    low, high = math.log2(0.0625), math.log2(4)
    at = lambda ratio: left + (min(max(math.log2(ratio), low), high) - low) / (high - low) * (width - left - 60)
    lines = headed(rows)
    height = len(lines) * step + 66
    parts = []
    for power in range(-4, 3):
        x = at(2.0**power)
        parts += [line(x, 24, x, height - 36, width=2 if power == 0 else 1), text(x, 16, f"{2.0**power:g}", "middle")]
    for number, row in enumerate(lines):
        y = 30 + number * step
        if len(row) == 1:
            parts.append(text(left - 8, y + 11, row[0], "end", 12, OURS))
            continue
        name, against, ratio, goal = row
        colour = MET if ratio <= goal else MISSED
        x = min(at(ratio), at(1.0))
        parts.append(text(left - 8, y + 11, f"{name} / {against}", "end", 11))
        parts.append(f'<rect x="{x:.1f}" y="{y}" width="{max(abs(at(ratio) - at(1.0)), 2):.1f}" height="12" fill="{colour}"/>')
        parts.append(line(at(goal), y - 2, at(goal), y + 14, width=2, opacity=1))
        parts.append(text(at(max(ratio, goal, 1.0)) + 5, y + 11, f"{ratio:.2f}", size=11))
    parts.append(text(left, height - 20, "times what it is compared with; left of 1 is faster", size=11))
    parts.append(text(left, height - 4, "the short line is the goal; green: met, yellow: not met", size=11))
    return svg(width, height, "Ratios to peers and to the least work", parts)


def headed(rows):
    """The same, with a line of its own before the rows of each part, which they need not name then."""
    lines, before = [], None
    for name, against, ratio, goal in rows:
        part, rest = name.split("/", 1)
        if part != before:
            lines.append((part,))
        before = part
        lines.append((rest, against, ratio, goal))
    return lines


def growth(series):
    """{name: [(size, nanoseconds)..]}, both scales of powers of ten."""
    width, height, left, bottom, right = 860, 440, 70, 380, 760
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
    places = apart(right, ((across(found[-1][0]), up(found[-1][1]), name) for name, found in series.items()))
    for (name, found), colour in zip(series.items(), LINES):
        path = " ".join(f"{across(size):.1f},{up(nanos):.1f}" for size, nanos in found)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{across(size):.1f}" cy="{up(nanos):.1f}" r="3" fill="{colour}"/>' for size, nanos in found]
        x, y = places[name]
        parts.append(text(x, y, name, colour=colour))
    parts.append(text(left, height - 8, "how many there are; time of one question", size=11))
    return svg(width, height, "Cost of one question as work grows", parts)


def apart(right, ends):
    """Where the names of lines stand that end there (x, y, name): beside the end where that is the edge, else below it, and none upon another."""
    places = {}
    for x, y, name in sorted(ends, key=lambda end: end[1]):
        x, y = (x + 8, y + 4) if x >= right - 1 else (x + 6, y + 16)
        while any(abs(x - other_x) < 90 and abs(y - other_y) < 15 for other_x, other_y in places.values()):
            y += 1
        places[name] = (x, y)
    return places


def unit(nanos):
    for size, name in ((1e9, "s"), (1e6, "ms"), (1e3, "us")):
        if nanos >= size:
            return f"{nanos / size:g} {name}"
    return f"{nanos:g} ns"
