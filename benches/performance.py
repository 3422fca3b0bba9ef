"""Writes docs/performance.md anew from what side_by_side has written: python3 benches/performance.py JSON.."""
import json
import pathlib
import statistics
import sys

HEAD = """# Performance

What each hot path costs beside its peers and beside the least work that could do it, from `side_by_side` (`benches/README.md` says how it measures). This page is
written by `benches/performance.py` from what the program has written; nothing in it is typed by hand but the words.

Measured on {processor}, two virtual cores that other work kept busy, in {runs}. Times are therefore
longer than on a quiet machine; ratios are of cases that took turns. Where a row is "not met", that is how it was.

"least" is what one would write by hand for this one job: for a handshake, rustls with a memory that only hashes and looks up; for a token, base64, claims by serde and the
signature under a key that is parsed already; for a payload, bare `hmac` and `sha2`; for a pin or a tenant, a `HashSet` of the same.
"""

NOTES = """
## What is not reached

* **First contact** costs reading the leaf (2.3 to 3.6 us) with everything that is looked at: two parsers that must agree, names, dates, extensions. Most of the rest
  is code that is cold when clients that come for the first time take turns.
* **JWT**: claims are read as any JSON, strictly, with each name looked for twice over, into a list; the least reads four members and is content with what else is there.
  RSA keys are parsed for each token: rustls's `SignatureVerificationAlgorithm`, which is how every provider can be used, takes bytes.
* **A list of a signer who is not known yet** is verified by whoever comes first, under a lock: only then is it known who has issued it. Lists that are renewed by
  `Crls::renew` are verified there.
* Measured nowhere here: sockets beside nginx, and the dispatcher beside another client.
"""


def table(runs):
    rows = {}
    for run in runs:
        for row in run["rows"]:
            rows.setdefault((row["row"], row["ours"], row["against"]), []).append(row)
    lines = ["| row | ours | beside | | | ratio | goal | |", "|---|---|---|--:|--:|--:|--:|---|"]
    for (name, ours, against), found in rows.items():
        first = found[0]
        middle = lambda key: statistics.median(row[key] for row in found)
        ratios = sorted(row["ratio"] for row in found)
        spread = f"{ratios[0]:.2f}" if len(found) == 1 else f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
        met = "met" if all(row["met"] for row in found) else "not met"
        unit = first["unit"]
        lines.append(
            f"| `{name}` | {ours} | {against} | {amount(middle('ours_value'), unit)} | "
            f"{amount(middle('against_value'), unit)} | {spread} | {first['goal']:.2f} | {met} |"
        )
    return "\n".join(lines) + "\n"


def amount(value, unit):
    if unit == "ns" and value >= 1000:
        value, unit = value / 1000, "us"
    return f"{value:.0f} {unit}" if value >= 100 else f"{value:.2f} {unit}"


def allocations(run):
    wanted = {
        "pins/10": ["ours"], "tenants/1000": ["ours"], "payload/2048": ["ours", "webhook_verify", "svix"], "payload/stripe_2048": ["ours", "webhook_verify"],
        "jwt/hs256": ["ours", "jsonwebtoken_aws_lc_rs", "jwt_simple"], "open_connection/asked_again": ["ours", "ours_live"],
        "client_cert/p256_int": ["known", "first"],
    }
    lines = ["| group | allocations of one call |", "|---|---|"]
    for group, cases in wanted.items():
        found = run["groups"].get(group, {})
        lines.append(f"| `{group}` | " + ", ".join(f"{case} {found[case]['allocations']}" for case in cases if case in found) + " |")
    return "\n".join(lines) + "\n"


def main():
    runs = [json.loads(pathlib.Path(path).read_text()) for path in sys.argv[1:]]
    if not runs or any(run["quick"] for run in runs):
        sys.exit("give it the JSON of one or more runs, none of them quick")
    many = "one run" if len(runs) == 1 else f"{len(runs)} runs (ratios from the lowest to the highest)"
    text = HEAD.format(processor=runs[0]["processor"], runs=many)
    text += "\n## Ratios\n\n" + table(runs) + "\n## Allocations\n\nOf Rust's allocator.\n\n" + allocations(runs[0]) + NOTES
    (pathlib.Path(__file__).parent.parent / "docs/performance.md").write_text(text)


main()
