"""Instructions that hot paths take, under callgrind, against benches/instructions.json.

python3 .ci/instructions.py PROGRAM [--bless], where PROGRAM is `counted`, built for release in one codegen unit.

The numbers are those of one compiler and one kind of processor, which stand beside them. With others nobody can tell what has changed, the
crate or they (cryptography is chosen by what a processor can do): then only what is far off fails.
"""
import json
import pathlib
import re
import subprocess
import sys

STORED = pathlib.Path(__file__).parent.parent / "benches/instructions.json"
SAME = 0.03
ANOTHER_COMPILER = 0.25
ANOTHER_PROCESSOR = 1.0
# What libraries of cryptography ask about before they choose.
FEATURES = {"adx", "aes", "avx", "avx2", "avx512f", "avx512vl", "bmi1", "bmi2", "pclmulqdq", "sha_ni", "ssse3", "vaes", "vpclmulqdq"}
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


def processor():
    """What it can do, as far as it matters here; its maker is told too, since some code is chosen by that."""
    said = pathlib.Path("/proc/cpuinfo").read_text()
    maker = re.search(r"vendor_id\s*: (\S+)", said)
    flags = re.search(r"flags\s*: (.*)", said)
    can = FEATURES & set(flags[1].split() if flags else ())
    return " ".join([maker[1] if maker else "?", *sorted(can)])


def tolerance_beside(stored):
    if processor() != stored["processor"]:
        return ANOTHER_PROCESSOR
    return SAME if compiler() == stored["compiler"] else ANOTHER_COMPILER


def main(program, *options):
    stored = json.loads(STORED.read_text())
    found = {path: instructions(program, path) for path in stored["instructions"]}
    if "--bless" in options:
        STORED.write_text(json.dumps({"compiler": compiler(), "processor": processor(), "instructions": found}, indent=2) + "\n")
        return
    tolerance = tolerance_beside(stored)
    wrong = []
    for path, count in found.items():
        ratio = count / stored["instructions"][path]
        print(f"-- {path}: {count} instructions, {ratio:.3f} of what is stored")
        if abs(ratio - 1) > tolerance:
            wrong.append(path)
    if wrong:
        sys.exit(f"{', '.join(wrong)}: more than {tolerance:.0%} off. If that is meant: python3 .ci/instructions.py {program} --bless")


main(*sys.argv[1:])
