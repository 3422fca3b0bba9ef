#!/usr/bin/env python3
"""What deny.toml says of licences, bans and sources, asked without cargo-deny, which takes minutes to compile.

It knows the keys that our deny.toml uses and refuses any other, so that no rule is passed over in silence.
"""

import json
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
CARGO_DEFAULT_REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"
KNOWN = {
    "graph": {"all-features": True},
    "licenses": {
        "include-dev": True,
        "private": {"ignore": True},
        "unused-allowed-license": "deny",
        "unused-license-exception": "deny",
        "allow": list,
        "exceptions": list,
    },
    "bans": {"multiple-versions": "warn", "wildcards": "deny", "allow-wildcard-paths": True, "deny": list},
    "sources": {"unknown-registry": "deny", "unknown-git": "deny"},
    "advisories": dict,
}


def main():
    rules = tomllib.loads((ROOT / "deny.toml").read_text())
    command = ["cargo", "metadata", "--locked", "--all-features", "--format-version", "1"]
    tree = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    packages = tree["packages"]

    for warning in duplicates(packages):
        print("warning:", warning)
    complaints = unknown_rules(rules, KNOWN)
    if not complaints:
        complaints += licenses(packages, rules["licenses"])
        complaints += bans(packages, rules["bans"], parents(tree))
        complaints += sources(packages, tree["workspace_members"])
    for complaint in complaints:
        print("error:", complaint)
    print(f"{len(packages)} packages:", "FAILED" if complaints else "bans ok, licenses ok, sources ok")
    return 1 if complaints else 0


def unknown_rules(rules, known, path="deny.toml"):
    complaints = [f"{path}: {key} is missing: .ci/deny.py counts on it" for key in known.keys() - rules.keys()]
    for key, value in rules.items():
        expected = known.get(key)
        if isinstance(expected, dict):
            complaints += unknown_rules(value, expected, f"{path}: {key}")
        elif not (isinstance(value, expected) if isinstance(expected, type) else value == expected):
            complaints.append(f"{path}: {key} = {value!r}: .ci/deny.py does not know that rule")
    return complaints


# --- licences ---------------------------------------------------------------------------------------------


def licenses(packages, rules):
    complaints, seen, excepted = [], set(), set()
    exceptions = {e["crate"]: set(e["allow"]) for e in rules["exceptions"]}
    for package in packages:
        if package["publish"] == []:  # private
            continue
        allowed = set(rules["allow"]) | exceptions.get(package["name"], set())
        expression = package["license"] or "(none)"
        names, satisfied = evaluate(expression, allowed)
        seen |= names & set(rules["allow"])
        excepted |= {package["name"]} & exceptions.keys()
        if not satisfied:
            complaints.append(f"{label(package)}: licence not allowed: {expression}")
    complaints += [f"licence allowed but nowhere needed: {name}" for name in sorted(set(rules["allow"]) - seen)]
    complaints += [f"licence exception for a crate that is not there: {name}" for name in exceptions.keys() - excepted]
    return complaints


def evaluate(expression, allowed):
    """The licences that an SPDX expression names, and whether the allowed ones satisfy it."""
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))  # `MIT/Apache-2.0` is the old way
    names = set()

    def either():
        met = both()
        while tokens[:1] == ["OR"]:
            tokens.pop(0)
            met = both() | met
        return met

    def both():
        met = single()
        while tokens[:1] == ["AND"]:
            tokens.pop(0)
            met = single() & met
        return met

    def single():
        if tokens[:1] == ["("]:
            tokens.pop(0)
            met = either()
            tokens.pop(0)
            return met
        name = tokens.pop(0)
        if tokens[:1] == ["WITH"]:
            name = f"{name} {tokens.pop(0)} {tokens.pop(0)}"
        names.add(name)
        return name in allowed

    satisfied = either()
    return names, satisfied and not tokens


# --- bans -------------------------------------------------------------------------------------------------


def bans(packages, rules, parents):
    complaints = []
    for package in packages:
        for rule in rules["deny"]:
            name, _, requirement = rule["crate"].partition(":")
            wrapped = "wrappers" in rule and parents.get(package["id"], set()) <= set(rule["wrappers"])
            if package["name"] == name and matches(package["version"], requirement) and not wrapped:
                complaints.append(f"{label(package)} is banned: {rule['reason']}")
        complaints += [
            f"{label(package)} asks for any version of {dependency['name']}"
            for dependency in package["dependencies"]
            if dependency["req"] == "*" and not path_of_our_own(package, dependency)
        ]
    return complaints


def parents(tree):
    """The names of the packages that depend directly on each package."""
    names = {package["id"]: package["name"] for package in tree["packages"]}
    found = {}
    for node in tree["resolve"]["nodes"]:
        for dependency in node["dependencies"]:
            found.setdefault(dependency, set()).add(names[node["id"]])
    return found


def path_of_our_own(package, dependency):
    private = package["publish"] == []
    return dependency.get("path") is not None and (private or dependency["kind"] == "dev")


def matches(version, requirement):
    if not requirement:
        return True
    if not re.fullmatch(r"<\d+\.\d+\.\d+", requirement):
        raise SystemExit(f"deny.toml: version requirement {requirement!r}: .ci/deny.py knows only `<x.y.z`")
    return numbers(version) < numbers(requirement[1:])


def numbers(version):
    return [int(number) for number in re.split(r"[-+]", version)[0].split(".")]


def duplicates(packages):
    versions = defaultdict(list)
    for package in packages:
        versions[package["name"]].append(package["version"])
    return [f"{name}: {', '.join(sorted(found))}" for name, found in sorted(versions.items()) if len(found) > 1]


# --- sources ----------------------------------------------------------------------------------------------


def sources(packages, members):
    return [
        f"{label(package)} comes from {package['source'] or 'a path outside the workspace'}"
        for package in packages
        if package["id"] not in members and package["source"] != CARGO_DEFAULT_REGISTRY
    ]


def label(package):
    return f"{package['name']} {package['version']}"


sys.exit(main())
