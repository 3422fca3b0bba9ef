#!/usr/bin/env python3
"""The public API, as rustdoc sees it: compared with docs/api.txt, so that no change of it goes unnoticed in a review.

`.ci/api.py --bless` writes the file; with `--errors` it is only asked which errors of other crates a caller gets to see. One line for each item; of a type also what it implements. rustdoc writes JSON only for
whoever asks for what is unstable, so it is asked as the compilers' own build would ask it.
"""

import difflib
import json
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILE = ROOT / "docs" / "api.txt"
KNOWN_FORMATS = (57,)
# Of what every type is or is not without being told, these two are promises.
AUTO = {"Send", "Sync"}
# Errors of other crates that a caller gets to see, and why. All others stay inside, as texts or as errors of our own.
FOREIGN_ERRORS = {
    "rustls::error::Error": "`testing::Handshake` is what rustls's two ends have said",
}


def main():
    api = Api(rustdoc())
    lines = sorted(set(api.lines))
    complaints = [f"a foreign error: {path} in {where}" for path, where in sorted(api.errors.items()) if path not in FOREIGN_ERRORS]
    complaints += [f"no longer there, so not to be excused: {path}" for path in FOREIGN_ERRORS if path not in api.errors]
    text = "".join(line + "\n" for line in lines)
    if "--errors" in sys.argv:
        pass
    elif "--bless" in sys.argv:
        FILE.write_text(text)
    elif text != FILE.read_text():
        old = FILE.read_text().splitlines()
        complaints += [line for line in difflib.unified_diff(old, lines, "docs/api.txt", "now", n=0, lineterm="")]
        complaints.append("the public API has changed: if that is meant, `.ci/api.py --bless`, and say so in CHANGELOG.md")
    for complaint in complaints:
        print(complaint)
    print(f"-- {len(lines)} public items, {len(api.errors)} foreign error types")
    return 1 if complaints else 0


def rustdoc():
    with tempfile.TemporaryDirectory() as folder:
        wrapper = Path(folder) / "rustdoc"
        wrapper.write_text('#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc "$@"\n')
        wrapper.chmod(wrapper.stat().st_mode | stat.S_IEXEC)
        command = ["cargo", "rustdoc", "--locked", "--quiet", "--package", "countersign", "--lib", "--all-features"]
        options = ["--", "-Z", "unstable-options", "--output-format", "json"]
        subprocess.run(command + options, cwd=ROOT, check=True, env=os.environ | {"RUSTDOC": str(wrapper)})
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    document = json.loads((target / "doc" / "countersign.json").read_text())
    if document["format_version"] not in KNOWN_FORMATS:
        sys.exit(f"rustdoc writes format {document['format_version']}, and this reads {KNOWN_FORMATS}")
    return document


class Api:
    def __init__(self, document):
        self.index, self.paths = document["index"], document["paths"]
        self.lines, self.errors, self.where = [], {}, ""
        self.module(self.index[str(document["root"])], "countersign")

    def module(self, module, path):
        for item in module["inner"]["module"]["items"]:
            self.item(self.index[str(item)], path)

    def item(self, item, path, name=None):
        kind, inner = next(iter(item["inner"].items()))
        if kind == "use":
            return self.used(inner, path)
        if kind == "impl" or item["visibility"] != "public" and name is None:
            return None
        own = f"{path}::{name or item['name']}"
        self.where = own
        write = getattr(self, kind, None)
        if write is None:
            sys.exit(f"{own}: rustdoc tells of a {kind}, which this does not know")
        return write(item if kind == "module" else inner, own)

    def used(self, use, path):
        item = self.index.get(str(use["id"]))
        if item is None or item["crate_id"] != 0:
            self.lines.append(f"pub use {use['source']} as {path}::{use['name']}")
        elif use["is_glob"]:
            self.module(item, path)
        else:
            self.item(item, path, use["name"])

    # --- items --------------------------------------------------------------------------------------------------------

    def function(self, function, path):
        self.lines.append(f"fn {path}{self.signature(function)}")

    def constant(self, constant, path):
        self.lines.append(f"const {path}: {self.type(constant['type'])}")

    def static(self, static, path):
        self.lines.append(f"static {path}: {self.type(static['type'])}")

    def type_alias(self, alias, path):
        self.lines.append(f"type {path}{self.generics(alias['generics'])} = {self.type(alias['type'])}")

    def macro(self, _, path):
        self.lines.append(f"macro {path}")

    def struct(self, struct, path):
        generics, kind = self.generics(struct["generics"]), struct["kind"]
        self.lines.append(f"struct {path}{generics}{self.traits(struct['impls'])}")
        fields = kind["plain"]["fields"] if "plain" in kind else kind["tuple"] if "tuple" in kind else []
        self.fields(fields, path)
        self.inherent(struct["impls"], path)

    def enum(self, enum, path):
        self.lines.append(f"enum {path}{self.generics(enum['generics'])}{self.traits(enum['impls'])}")
        for identity in enum["variants"]:
            variant = self.index[str(identity)]
            kind = variant["inner"]["variant"]["kind"]
            self.lines.append(f"variant {path}::{variant['name']}")
            if kind != "plain":
                fields = kind["struct"]["fields"] if "struct" in kind else kind["tuple"]
                self.fields(fields, f"{path}::{variant['name']}", variant=True)
        self.inherent(enum["impls"], path)

    def fields(self, fields, path, variant=False):
        for identity in fields:
            field = self.index.get(str(identity))
            if field and (variant or field["visibility"] == "public"):
                self.lines.append(f"field {path}::{field['name']}: {self.type(field['inner']['struct_field'])}")

    def trait(self, trait, path):
        bounds = self.bounds(trait["bounds"])
        self.lines.append(f"trait {path}{self.generics(trait['generics'])}{': ' + bounds if bounds else ''}")
        self.members(trait["items"], path, in_trait=True)

    def inherent(self, impls, path):
        for identity in impls:
            inner = self.index[str(identity)]["inner"]["impl"]
            if inner["trait"] is None:
                self.members(inner["items"], path + self.narrowed(inner))

    def narrowed(self, inner):
        """The parameters of a type, and what is asked of them here."""
        arguments = self.arguments(inner["for"].get("resolved_path", {}).get("args"))
        bounds = self.generics(inner["generics"])
        return f"{arguments} where {bounds[1:-1]} " if ":" in bounds else arguments

    def members(self, items, path, in_trait=False):
        for identity in items:
            member = self.index.get(str(identity))
            if member is None or not (in_trait or member["visibility"] == "public"):
                continue
            kind, inner = next(iter(member["inner"].items()))
            self.where = f"{path}::{member['name']}"
            if kind == "function":
                provided = " (provided)" if in_trait and inner["has_body"] else ""
                self.lines.append(f"fn {self.where}{self.signature(inner)}{provided}")
            elif kind == "assoc_const":
                self.lines.append(f"const {self.where}: {self.type(inner['type'])}")
            else:
                self.lines.append(f"type {self.where}: {self.bounds(inner['bounds'])}")

    def member(self, identity):
        return self.index.get(str(identity))

    def traits(self, impls):
        """What is implemented, by whose name; what is blanket or follows from its parts is not named, but for `AUTO`."""
        names = set()
        for identity in impls:
            inner = self.index[str(identity)]["inner"]["impl"]
            if inner["trait"] is None or inner["blanket_impl"] is not None:
                continue
            name = inner["trait"]["path"].split("::")[-1]
            if (inner["is_synthetic"] and name not in AUTO) or name == "StructuralPartialEq":
                continue
            for member in map(self.member, inner["items"]):
                if member and "assoc_type" in member["inner"]:
                    self.type(member["inner"]["assoc_type"]["type"])
            negative = "!" if inner["is_negative"] else ""
            names.add(negative + name + self.arguments(inner["trait"]["args"]))
        return ": " + " + ".join(sorted(names)) if names else ""

    # --- types --------------------------------------------------------------------------------------------------------

    def signature(self, function):
        sig, header = function["sig"], function["header"]
        inputs = ", ".join(f"{name}: {self.type(of)}" if name != "self" else self.receiver(of) for name, of in sig["inputs"])
        output = f" -> {self.type(sig['output'])}" if sig["output"] else ""
        words = "".join(f" {word}" for word in ("const", "async", "unsafe") if header[f"is_{word}"])
        return f"{self.generics(function['generics'])}({inputs}){output}{words}"

    def receiver(self, of):
        if "borrowed_ref" in of and of["borrowed_ref"]["type"] == {"generic": "Self"}:
            return "&mut self" if of["borrowed_ref"]["is_mutable"] else "&self"
        return "self" if of == {"generic": "Self"} else f"self: {self.type(of)}"

    def path(self, path):
        known = self.paths.get(str(path["id"]))
        name = path["path"].split("::")[-1]
        if known and known["crate_id"] != 0:
            full = "::".join(known["path"])
            foreign = full.split("::")[0] not in ("std", "core", "alloc")
            if foreign and name.endswith("Error"):
                self.errors.setdefault(full, self.where)
            name = f"{full.split('::')[0]}::{name}" if foreign else name
        return name + self.arguments(path["args"])

    def arguments(self, args):
        if not args:
            return ""
        if "parenthesized" in args:
            inner = args["parenthesized"]
            output = f" -> {self.type(inner['output'])}" if inner["output"] else ""
            return f"({', '.join(map(self.type, inner['inputs']))}){output}"
        inner = args["angle_bracketed"]
        shown = [self.argument(arg) for arg in inner["args"]]
        shown += [f"{c['name']} = {self.constraint(c['binding'])}" for c in inner["constraints"]]
        return f"<{', '.join(shown)}>" if shown else ""

    def argument(self, argument):
        if argument == "infer":
            return "_"
        kind, inner = next(iter(argument.items()))
        return inner if kind == "lifetime" else inner["expr"] if kind == "const" else self.type(inner)

    def constraint(self, binding):
        kind, inner = next(iter(binding.items()))
        return self.bounds(inner) if kind == "constraint" else self.argument(inner)

    def bounds(self, bounds):
        return " + ".join(map(self.bound, bounds))

    def bound(self, bound):
        kind, inner = next(iter(bound.items()))
        if kind == "outlives":
            return inner
        if kind == "use":
            return f"use<{', '.join(next(iter(arg.values())) for arg in inner)}>"
        return ("?" if inner["modifier"] == "maybe" else "") + self.path(inner["trait"])

    def generics(self, generics):
        shown = []
        for param in generics["params"]:
            kind, inner = next(iter(param["kind"].items()))
            if kind == "type" and inner["is_synthetic"]:
                continue
            bounds = self.bounds(inner["bounds"]) if kind == "type" else ""
            const = f": const {self.type(inner['type'])}" if kind == "const" else ""
            shown.append(param["name"] + (f": {bounds}" if bounds else "") + const)
        for where in generics["where_predicates"]:
            if "bound_predicate" in where:
                inner = where["bound_predicate"]
                shown.append(f"where {self.type(inner['type'])}: {self.bounds(inner['bounds'])}")
        return f"<{', '.join(shown)}>" if shown else ""

    def type(self, of):
        kind, inner = next(iter(of.items()))
        return getattr(self, f"type_{kind}")(inner)

    def type_resolved_path(self, inner):
        return self.path(inner)

    def type_generic(self, inner):
        return inner

    type_primitive = type_generic

    def type_borrowed_ref(self, inner):
        lifetime = f"{inner['lifetime']} " if inner["lifetime"] else ""
        return f"&{lifetime}{'mut ' if inner['is_mutable'] else ''}{self.type(inner['type'])}"

    def type_tuple(self, inner):
        return f"({', '.join(map(self.type, inner))})"

    def type_slice(self, inner):
        return f"[{self.type(inner)}]"

    def type_array(self, inner):
        return f"[{self.type(inner['type'])}; {inner['len']}]"

    def type_impl_trait(self, inner):
        return f"impl {self.bounds(inner)}"

    def type_dyn_trait(self, inner):
        lifetime = [inner["lifetime"]] if inner["lifetime"] else []
        return f"dyn {' + '.join([self.path(each['trait']) for each in inner['traits']] + lifetime)}"

    def type_function_pointer(self, inner):
        return f"fn{self.signature({'sig': inner['sig'], 'header': inner['header'], 'generics': {'params': [], 'where_predicates': []}})}"

    def type_qualified_path(self, inner):
        own = self.type(inner["self_type"])
        trait = f"<{own} as {self.path(inner['trait'])}>" if inner["trait"] and inner["trait"]["path"] else own
        return f"{trait}::{inner['name']}{self.arguments(inner['args'])}"


if __name__ == "__main__":
    sys.exit(main())
