#!/usr/bin/env python3
"""Draws the two paths that meet in `Countersigned`: `python3 docs/picture.py` writes docs/picture.svg (for the README,
light or dark as the reader's browser is) and docs/picture.inline.svg (for rustdoc, in the colour of its theme)."""

from pathlib import Path

W, H = 890, 250
BOX_W, BOX_H = 128, 44
LANES = [
    (34, "the connection", [
        ("PeerChain", "claims", None),
        ("VerifiedPeer", "trusted", "do we trust it?"),
        ("Caller", "of one tenant", "whose is it?"),
    ]),
    (162, "the payload", [
        ("Message", "bytes", None),
        ("Authentic", "signed", "did they say this?"),
        ("Fresh", "once", "is it fresh?"),
    ]),
]
LEFT, STEP = 14, 244


def text(x, y, words, size=13, weight="normal", anchor="middle", opacity=1.0, mono=False):
    family = "ui-monospace, monospace" if mono else "system-ui, sans-serif"
    return (f'<text x="{x}" y="{y}" font-family="{family}" font-size="{size}" font-weight="{weight}" '
            f'text-anchor="{anchor}" fill="currentColor" opacity="{opacity}">{words}</text>')


def box(x, y, name, says, stroke="currentColor", width=1.3, w=BOX_W):
    return [
        f'<rect x="{x}" y="{y}" width="{w}" height="{BOX_H}" rx="7" fill="none" stroke="{stroke}" stroke-width="{width}"/>',
        text(x + w / 2, y + 19, name, 14, "600", mono=True),
        text(x + w / 2, y + 36, says, 12, opacity=0.75),
    ]


def arrow(x1, y1, x2, y2, says=None):
    lines = [f'<path d="M{x1} {y1}L{x2} {y2}" fill="none" stroke="currentColor" stroke-width="1.3" '
             f'marker-end="url(#countersign-tip)"/>']
    if says:
        lines.append(text((x1 + x2) / 2 - 3, y1 - 8, says, 11.5, opacity=0.9))
    return lines


def drawing():
    parts = ['<defs><marker id="countersign-tip" markerWidth="9" markerHeight="8" refX="8" refY="4" orient="auto">'
             '<path d="M0 0L9 4L0 8z" fill="currentColor"/></marker></defs>']
    for y, lane, steps in LANES:
        parts.append(text(LEFT, y - 12, lane, 12, "600", "start", 0.75))
        for at, (name, says, asked) in enumerate(steps):
            x = LEFT + at * STEP
            parts += box(x, y, name, says)
            if asked:
                parts += arrow(x - STEP + BOX_W + 3, y + BOX_H / 2, x - 3, y + BOX_H / 2, asked)
    end_x, end_w, middle = 718, 158, (LANES[0][0] + LANES[1][0]) / 2
    last = LEFT + 2 * STEP + BOX_W + 3
    parts += arrow(last, LANES[0][0] + BOX_H / 2, end_x - 3, middle + 12)
    parts += arrow(last, LANES[1][0] + BOX_H / 2, end_x - 3, middle + BOX_H - 12)
    parts += box(end_x, middle, "Countersigned", "the same tenant", width=2.6, w=end_w)
    parts.append(text(end_x + end_w / 2, middle - 10, "bind", 11.5, opacity=0.9))
    parts.append(text(W / 2, H - 14, "Each arrow is one function, and the only one that makes what it points to.", 12, opacity=0.75))
    return parts


def svg(style=""):
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {W} {H}" width="100%" role="img" '
            'aria-label="PeerChain becomes VerifiedPeer becomes Caller; Message becomes Authentic becomes Fresh; '
            'Caller and Fresh of the same tenant become Countersigned">')
    return "\n".join([head + style, *drawing(), "</svg>"]) + "\n"


if __name__ == "__main__":
    here = Path(__file__).parent
    media = "<style>svg{color:#1f2328}@media(prefers-color-scheme:dark){svg{color:#e6edf3}}</style>"
    (here / "picture.svg").write_text(svg(media))
    (here / "picture.inline.svg").write_text(svg())
