"""All mutants of cargo-mutants' list in one build: which of them no test notices.

    MUTANTS="src/gate/** src/tenant/**" .ci/long mutants

cargo-mutants builds the crate anew for each mutant, which takes days. Here one copy of the tree, in the target directory, has
all of them, each behind a switch (`.ci/mutants/`), and is built once. A trace tells which tests reach which mutant; then each
mutant is switched on by COUNTERSIGN_MUTANT in the tests that reach it, quickest first, until one fails alone, too. What
is known is kept, so a run that was ended goes on where it was; `--again` asks survivors once more.
"""

import bisect
import collections
import concurrent.futures
import fnmatch
import hashlib
import itertools
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
HOME = TARGET / "mutants"
COPY = HOME / "tree"
# What tests the rooms without another program.
BINARIES = os.environ.get("MUTANTS_TESTS", "gate trust tls payload jose replay forwarded web dispatch reload explain").split()
# What needs a server is left out, but where the servers' own tests are asked: MUTANTS_TESTS="replay redis".
LEFT_OUT = () if "redis" in BINARIES else ("postgres::*",)
# Of one test, in seconds: what takes longer is asked of no mutant.
LONGEST = 10
# Of the tests that a mutant has to survive in the first round.
QUICK = 15
AT_A_TIME = int(os.environ.get("MUTANTS_JOBS", "2"))
GLOBS = os.environ["MUTANTS"].split()


def main():
    HOME.mkdir(parents=True, exist_ok=True)
    mutants = listed()
    copy_tree()
    places, binaries = build(mutants)
    tests = traced(binaries)
    results = tried(mutants, places, binaries, tests, "--again" in sys.argv)
    report(mutants, places, results)


def listed():
    """cargo-mutants' list, in the order of the rooms asked for. Its numbers hold for as long as the sources do."""
    files = [argument for glob in GLOBS for argument in ("--file", glob)]
    command = ["cargo", "mutants", "--package", "countersign", "--list", "--json", *files]
    rows = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    for row in rows:
        del row["diff"]
    rank = lambda row: next(i for i, glob in enumerate(GLOBS) if fnmatch.fnmatch(row["file"], glob))
    rows.sort(key=rank)
    (HOME / "list.json").write_text(json.dumps(rows))
    return rows


def copy_tree():
    """The tree as it is; what the mutants are written into is written by the tool."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, stdout=subprocess.PIPE
    ).stdout.decode()
    roots = {f"tests/{name}/main.rs" for name in BINARIES}
    mutated = {row["file"] for row in json.loads((HOME / "list.json").read_text())} | {"src/lib.rs"}
    names = {name for name in names.split("\0") if name and (ROOT / name).exists()}
    for there in [path for path in COPY.rglob("*") if path.is_file()]:
        if str(there.relative_to(COPY)) not in names:
            there.unlink()
    for name in sorted(names):
        here, there = ROOT / name, COPY / name
        if name in mutated and there.exists():
            continue
        text = here.read_bytes()
        if name in roots:
            # For files of the library that a test has as its own, under loom.
            text += b"\n#[allow(unused_imports)]\nuse countersign::mutant;\n"
        if there.exists() and there.read_bytes() == text:
            continue
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(text)
        there.chmod(here.stat().st_mode)


def build(mutants):
    """Leaves out what does not compile, until the rest does."""
    dropped_file, places_file = HOME / "dropped.json", HOME / "places.json"
    kept = HOME / "unviable.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    # What did not compile last time would not now.
    dropped = {number for number, row in enumerate(mutants) if known.get(identity(row))}
    while True:
        dropped_file.write_text(json.dumps(sorted(dropped)))
        tool = ["cargo", "run", "--quiet", "--manifest-path", str(ROOT / ".ci/mutants/Cargo.toml"), "--target-dir",
                str(TARGET / "tools"), "--", HOME / "list.json", dropped_file, ROOT, COPY, places_file]
        subprocess.run(tool, check=True)
        places = {int(number): place for number, place in json.loads(places_file.read_text()).items()}
        wanted = [argument for name in BINARIES for argument in ("--test", name)]
        # The library first: nothing that rests on it is built twice.
        for more in ([], wanted):
            command = ["cargo", "test", "--locked", "--all-features", "--no-run", "--lib", *more, "--message-format", "json"]
            done = subprocess.run(command, cwd=COPY, stdout=subprocess.PIPE, env=environment())
            messages = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]
            if done.returncode != 0:
                break
        if done.returncode == 0:
            return places, executables(messages)
        worse = culprits(mutants, messages, places) - dropped
        if not worse:
            sys.exit("the copy does not build, and no mutant is to blame")
        dropped |= worse
        kept.write_text(json.dumps({identity(mutants[number]): True for number in dropped}))
        print(f"-- {len(dropped)} do not compile", flush=True)


def identity(row):
    start = row["span"]["start"]
    return f'{row["file"]}:{start["line"]}:{start["column"]}: {row["genre"]}: {row["replacement"]}'


def environment(**more):
    return dict(os.environ, CARGO_INCREMENTAL="0", CARGO_TARGET_DIR=str(TARGET), **more)


def culprits(mutants, messages, places):
    """The mutants on whose lines an error is. An arm that is not always taken leaves a `match` open, which is told of its head."""
    by_file = collections.defaultdict(list)
    for number, place in places.items():
        if "file" in place:
            by_file[place["file"]].append((place["first"], place["last"], number))
    found = set()
    for message in messages:
        if message["reason"] != "compiler-message" or message["message"]["level"] != "error":
            continue
        error = message["message"]
        mine = set()
        for span in sorted(error["spans"], key=lambda span: not span["is_primary"]):
            begin, end = span["line_start"], span["line_end"]
            arms = (error["code"] or {}).get("code") == "E0004" and span["is_primary"]
            if arms:
                told = (inner for child in error["children"] for inner in child["spans"])
                end = max([end, *(inner["line_end"] for inner in told if inner["file_name"] == span["file_name"])])
            for first, last, number in by_file[span["file_name"]]:
                inside = first <= begin and end <= last
                arm = arms and begin <= first <= end and mutants[number]["genre"] == "MatchArm"
                if inside or arm:
                    mine.add(number)
            if mine:
                break
        if not mine and error["spans"]:
            print(f"-- of no mutant: {error['rendered']}", flush=True)
        found |= mine
    return found


def executables(messages):
    """The test binaries with the directory that their tests are run in."""
    found = {}
    for message in messages:
        if message["reason"] == "compiler-artifact" and message["profile"]["test"] and message["executable"]:
            if message["target"]["name"] == "countersign_recipes":
                continue
            directory = pathlib.Path(message["manifest_path"]).parent
            found[message["target"]["name"]] = {"path": message["executable"], "directory": str(directory)}
    return found


def run(binary, arguments, timeout, **switch):
    """Whether all passed, what was said, and how long it took; `None` if it did not end in time."""
    began = time.monotonic()
    process = subprocess.Popen(
        ["nice", "-n", "15", binary["path"], *arguments], cwd=binary["directory"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, start_new_session=True,
        env=environment(CARGO_MANIFEST_DIR=binary["directory"], RUST_BACKTRACE="0", **switch),
    )
    try:
        said, _ = process.communicate(timeout=timeout)
        return process.returncode == 0, said.decode(errors="replace"), time.monotonic() - began
    except subprocess.TimeoutExpired:
        # It leads a group of its own, with whatever it has started.
        os.killpg(process.pid, 9)
        process.communicate()
        return None, "", time.monotonic() - began


def traced(binaries):
    """Each test by itself: whether it passes, how long it takes, and which mutants it reaches."""
    kept = HOME / "trace.jsonl"
    stamp = {name: hashlib.sha256(pathlib.Path(binary["path"]).read_bytes()).hexdigest()[:16] for name, binary in binaries.items()}
    known = {}
    if kept.exists():
        for line in kept.read_text().splitlines():
            row = json.loads(line)
            if stamp.get(row["binary"]) == row["stamp"]:
                known[row["binary"], row["test"]] = row
    wanted = []
    for name, binary in binaries.items():
        said = run(binary, ["--list", "--format", "terse"], 60)[1]
        tests = [line.removesuffix(": test") for line in said.splitlines() if line.endswith(": test")]
        wanted += [(name, test) for test in tests if not any(fnmatch.fnmatch(test, glob) for glob in LEFT_OUT)]

    def trace(pair):
        name, test = pair
        with tempfile.NamedTemporaryFile(dir=HOME) as file:
            switch = {"COUNTERSIGN_MUTANT": "trace", "COUNTERSIGN_MUTANT_TRACE": file.name}
            passed, said, took = run(binaries[name], ["--exact", test], LONGEST, **switch)
            reached = sorted({int(line) for line in pathlib.Path(file.name).read_text().splitlines()})
        passed = passed is True and "1 passed" in said
        return {"binary": name, "test": test, "stamp": stamp[name], "passed": passed, "seconds": took, "reached": reached}

    missing = [pair for pair in wanted if pair not in known]
    with kept.open("a") as file, concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        for row in pool.map(trace, missing):
            known[row["binary"], row["test"]] = row
            file.write(json.dumps(row) + "\n")
            file.flush()
    tests = [known[pair] for pair in wanted]
    failed = [f'{row["binary"]} {row["test"]}' for row in tests if not row["passed"] or row["seconds"] > LONGEST]
    print(f"-- {len(tests)} tests, {len(failed)} of them left out, for they do not pass alone and soon: {failed}", flush=True)
    return [row for row in tests if row["passed"] and row["seconds"] <= LONGEST]


def tried(mutants, places, binaries, tests, again):
    kept = HOME / "results.jsonl"
    known = {}
    if kept.exists():
        for line in kept.read_text().splitlines():
            row = json.loads(line)
            known[row["mutant"]] = row
    reach = collections.defaultdict(list)
    for test in tests:
        for number in test["reached"]:
            reach[number].append(test)

    # Who has noticed one of a file notices the next, too; and who looks at little else is likelier to.
    noticed = collections.Counter()
    files = {(test["binary"], test["test"]): collections.Counter(mutants[number]["file"] for number in test["reached"]) for test in tests}

    def promise(test, file):
        name = test["binary"], test["test"]
        return -noticed[file, name], test["seconds"] * len(test["reached"]) / files[name][file]

    def one(number, budget):
        began = time.monotonic()
        file = mutants[number]["file"]
        asked = affordable(sorted(reach[number], key=lambda test: promise(test, file)), budget)
        result, by = verdict(number, asked, binaries)
        if result == "survived" and len(asked) < len(reach[number]):
            result = "undecided"
        if by:
            noticed[file, by] += 1
        return {"mutant": identity(mutants[number]), "result": result, "by": by and " ".join(by), "asked": len(asked),
                "reached_by": len(reach[number]), "seconds": round(time.monotonic() - began, 2)}

    def before(number):
        """What is known of it; nothing, where tests reach it that were not asked."""
        row = known.get(identity(mutants[number]))
        alive = row and row["result"] in ("survived", "unreached", "undecided")
        return None if row is None or alive and (again or row["reached_by"] < len(reach[number])) else row["result"]

    # What survives takes longest, so it waits until the others are known.
    for budget, standing in ((QUICK, None), (math.inf, "undecided")):
        asked = [number for number in range(len(mutants)) if "file" in places.get(number, {}) and before(number) == standing]
        again = False
        with kept.open("a") as results, concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
            for done in concurrent.futures.as_completed([pool.submit(one, number, budget) for number in asked]):
                row = done.result()
                known[row["mutant"]] = row
                results.write(json.dumps(row) + "\n")
                results.flush()
    return known


def affordable(tests, budget):
    """As many of the first as take so many seconds, and one in any case."""
    took = list(itertools.accumulate(test["seconds"] for test in tests))
    return tests[: max(1, bisect.bisect_right(took, budget))]


def verdict(number, tests, binaries):
    """Few tests by themselves, then more and more in one process of their binary; what fails there must fail alone, too."""
    if not tests:
        return "unreached", None
    switch = {"COUNTERSIGN_MUTANT": str(number)}
    size, left = 1, tests
    while left:
        batch, left = left[:size], left[size:]
        size *= 2
        for name in sorted({test["binary"] for test in batch}):
            result, by = judged([test for test in batch if test["binary"] == name], binaries[name], switch)
            if result:
                return result, by
    return "survived", None


def judged(batch, binary, switch):
    """What becomes of a mutant in these tests of one binary; nothing, if they all pass."""
    if len(batch) > 1:
        limit = 5 * sum(test["seconds"] for test in batch) + 5
        passed, said, _ = run(binary, ["--exact", *(test["test"] for test in batch)], limit, **switch)
        if passed:
            return None, None
        failed = {line.split()[1] for line in said.splitlines() if line.startswith("test ") and line.endswith("FAILED")}
        # A process that died or hung says of none that it failed.
        batch = [test for test in batch if not failed or test["test"] in failed]
    for test in batch:
        passed, _, _ = run(binary, ["--exact", test["test"]], 5 * test["seconds"] + 5, **switch)
        if passed is not True:
            return ("killed" if passed is False else "timeout"), (test["binary"], test["test"])
    return None, None


def report(mutants, places, results):
    rows = collections.defaultdict(collections.Counter)
    survivors = []
    for number, row in enumerate(mutants):
        place = places.get(number)
        if place is None:
            result = "unviable"
        elif "not_tried" in place:
            result = "not tried"
        else:
            result = results.get(identity(row), {"result": "not run"})["result"]
        room = next(glob for glob in GLOBS if fnmatch.fnmatch(row["file"], glob))
        rows[room][result] += 1
        if result in ("survived", "unreached", "undecided"):
            survivors.append(f'{result}: {row["name"]}' if "name" in row else f"{result}: {identity(row)}")
    columns = ["killed", "timeout", "survived", "unreached", "undecided", "unviable", "not tried", "not run"]
    print("| room | mutants | " + " | ".join(columns) + " |")
    for room, counts in rows.items():
        print(f"| {room} | {sum(counts.values())} | " + " | ".join(str(counts[column]) for column in columns) + " |")
    (HOME / "survivors.txt").write_text("\n".join(survivors) + "\n")
    print(f"-- {len(survivors)} that no test noticed: {HOME / 'survivors.txt'}")


if __name__ == "__main__":
    main()
