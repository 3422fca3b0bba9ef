#!/usr/bin/env python3
"""The oldest compiler: said once in Cargo.toml, repeated truly elsewhere, and asked for by no dependency."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main():
    package = read("Cargo.toml")["package"]
    complaints = repeated(package) + dependencies(package)
    for complaint in complaints:
        print("error:", complaint)
    return 1 if complaints else 0


def repeated(package):
    clippy, rustfmt = read("clippy.toml"), read("rustfmt.toml")
    complaints = []
    if clippy["msrv"] != package["rust-version"]:
        complaints.append(f"clippy.toml: msrv is {clippy['msrv']}, rust-version is {package['rust-version']}")
    for key in ("edition", "style_edition"):
        if rustfmt[key] != package["edition"]:
            complaints.append(f"rustfmt.toml: {key} is {rustfmt[key]}, Cargo.toml's edition is {package['edition']}")
    return complaints


def dependencies(package):
    """What a user compiles: normal and build dependencies, with every feature, on every platform."""
    command = ["cargo", "metadata", "--locked", "--all-features", "--format-version", "1"]
    tree = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    packages = {p["id"]: p for p in tree["packages"]}
    nodes = {n["id"]: n for n in tree["resolve"]["nodes"]}
    promised = version(package["rust-version"])

    seen, waiting = set(), [tree["resolve"]["root"]]
    while waiting:
        identity = waiting.pop()
        if identity in seen:
            continue
        seen.add(identity)
        for dependency in nodes[identity]["deps"]:
            if any(kind["kind"] != "dev" for kind in dependency["dep_kinds"]):
                waiting.append(dependency["pkg"])

    print(f"{len(seen) - 1} dependencies, Rust {package['rust-version']} promised")
    wanted = [(packages[i]["name"], packages[i]["version"], packages[i]["rust_version"]) for i in sorted(seen)]
    return [f"{name} {number} asks for Rust {rust}" for name, number, rust in wanted if rust and version(rust) > promised]


def version(text):
    numbers = [int(number) for number in text.split("-")[0].split(".")]
    return numbers + [0] * (3 - len(numbers))


def read(name):
    return tomllib.loads((ROOT / name).read_text())


sys.exit(main())
