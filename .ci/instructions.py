"""Instructions that hot paths take, under callgrind, against benches/instructions.json.

python3 .ci/instructions.py PROGRAM [--bless], where PROGRAM is `counted`, built for release in one codegen unit.

The numbers are those of one compiler, which stands beside them. With another one nobody can tell what has changed, the crate or the
compiler: then only what is far off fails.
"""
import json
import pathlib
import re
import subprocess
import sys

STORED = pathlib.Path(__file__).parent.parent / "benches/instructions.json"
SAME_COMPILER = 0.03
ANOTHER_COMPILER = 0.25
CALLS = (1000, 3000)


def collected(program, path, calls):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*counted*collected*", program, path, str(calls)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    return int(re.search(r"Collected : (\d+)", said).group(1))


def instructions(program, path):
    """Of one call: what more calls take beyond few, so that what is done once does not count."""
    few, many = (collected(program, path, calls) for calls in CALLS)
    return round((many - few) / (CALLS[1] - CALLS[0]))


def compiler():
    return subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True).stdout.strip()


def main(program, *options):
    stored = json.loads(STORED.read_text())
    found = {path: instructions(program, path) for path in stored["instructions"]}
    if "--bless" in options:
        STORED.write_text(json.dumps({"compiler": compiler(), "instructions": found}, indent=2) + "\n")
        return
    tolerance = SAME_COMPILER if compiler() == stored["compiler"] else ANOTHER_COMPILER
    wrong = []
    for path, count in found.items():
        ratio = count / stored["instructions"][path]
        print(f"-- {path}: {count} instructions, {ratio:.3f} of what is stored")
        if abs(ratio - 1) > tolerance:
            wrong.append(path)
    if wrong:
        sys.exit(f"{', '.join(wrong)}: more than {tolerance:.0%} off. If that is meant: python3 .ci/instructions.py {program} --bless")


main(*sys.argv[1:])
