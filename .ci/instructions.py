"""Instructions that hot paths take, under callgrind, against benches/instructions.json.

python3 .ci/instructions.py BENCH [--bless], where BENCH is the program `side_by_side`.
"""
import json
import pathlib
import re
import subprocess
import sys

STORED = pathlib.Path(__file__).parent.parent / "benches/instructions.json"
TOLERANCE = 0.03
CALLS = (1000, 3000)


def collected(bench, path, calls):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", bench, "--count", path, str(calls)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    return int(re.search(r"Collected : (\d+)", said).group(1))


def instructions(bench, path):
    """Of one call: what more calls take beyond few, so that setting up does not count."""
    few, many = (collected(bench, path, calls) for calls in CALLS)
    return round((many - few) / (CALLS[1] - CALLS[0]))


def main(bench, *options):
    stored = json.loads(STORED.read_text())
    found = {path: instructions(bench, path) for path in stored}
    if "--bless" in options:
        STORED.write_text(json.dumps(found, indent=2) + "\n")
        return
    wrong = []
    for path, count in found.items():
        ratio = count / stored[path] if stored[path] else float("inf")
        print(f"{path:10} {count:8} instructions, {ratio:.3f} of what is stored")
        if abs(ratio - 1) > TOLERANCE:
            wrong.append(path)
    if wrong:
        sys.exit(f"{', '.join(wrong)}: more than {TOLERANCE:.0%} off. If that is meant: python3 .ci/instructions.py {bench} --bless")


main(*sys.argv[1:])
