#!/usr/bin/env python3
"""Writes the figures of a long run into `docs/assurance.md`: `python3 fuzz/figures.py FIGURES.json`.

The file has, for each target, `executions`, `cpu_seconds`, `first_coverage`, `last_coverage` and `findings`, as whoever runs the targets
has added them up. Of a target that is not in it, the row stays as it was, or says that it had no turn yet."""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parent.parent
PAGE = ROOT / "docs" / "assurance.md"
HEAD = "| target | executions | CPU time | coverage | findings |\n|---|---|---|---|---|\n"
GOAL = 1800


def row(name, figures, before):
    if not figures or not figures["executions"]:
        return before.get(name, f"| `{name}` | not yet | | | |\n")
    coverage = f"{figures['first_coverage']:,} to {figures['last_coverage']:,}"
    cpu = f"{figures['cpu_seconds']:,.0f} s" if figures["cpu_seconds"] >= 10 else f"{figures['cpu_seconds']:.1f} s"
    return f"| `{name}` | {figures['executions']:,} | {cpu} | {coverage} | {len(figures['findings'])} |\n"


def main(file):
    figures = json.loads(pathlib.Path(file).read_text())
    names = sorted(path.stem for path in (ROOT / "fuzz" / "fuzz_targets").glob("*.rs"))
    page = PAGE.read_text()
    table = re.compile(re.escape(HEAD) + r"((?:\|.*\n)+)")
    [rows] = table.findall(page)
    before = {line.split("`")[1]: line + "\n" for line in rows.splitlines()}
    rows = "".join(row(name, figures.get(name), before) for name in names)
    PAGE.write_text(table.sub(lambda _: HEAD + rows, page))
    done = [name for name in names if figures.get(name, {}).get("cpu_seconds", 0) >= GOAL]
    hours = sum(one["cpu_seconds"] for one in figures.values()) / 3600
    print(f"{len(names)} targets, {len(done)} of them with {GOAL} s; {hours:.1f} hours of CPU time in all")


main(sys.argv[1])
