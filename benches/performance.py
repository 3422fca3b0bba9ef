"""Writes docs/performance.md and its plots anew from what side_by_side has written: python3 benches/performance.py JSON.."""
import json
import pathlib
import statistics
import sys

import plots

DOCS = pathlib.Path(__file__).parent.parent / "docs"

HEAD = """# Performance

What each hot path costs beside its peers and beside the least work that could do it, from `side_by_side` (`benches/README.md` says how it measures). This page is
written by `benches/performance.py` from what the program has written; nothing in it is typed by hand but the words.

Measured on {processor}, {machine}, in {runs}. Ratios are of cases that took turns, so that what else the
machine did was done to both; times are longer where it was busy. "Met" is a row that was met in each run: where the lowest ratio meets a goal and the highest does not, the machine's noise is as large as
what is missing.

"least" is what one would write by hand for this one job: for a handshake, rustls with a memory that only hashes and looks up; for a token, its field, base64, header and
claims by serde, no name twice, those that decide of their type, and the signature under a key that is parsed already; for a payload, the fields, the time, the signature decoded on the stack, `hmac` and `sha2`; for a pin or a tenant, a `HashSet`
of the same.
"""

ROWS = """Of tokens, `ours` has its public keys parsed once, by `aws_lc_rs_algorithms` (feature `aws-lc-rs`); `ours_in_bytes` asks rustls's own algorithms of aws-lc-rs, which parse a key for each token. `dispatcher` is one
delivery, with the same certificate and the same signer as `reqwest`; the goal is 1.5 times as many in a second of CPU time (a ratio of 0.67). `sockets` is a server's CPU time of 1,000 connections, each with
a full handshake, since no server of them resumes sessions: `per_1000` of our verifier in a bare server, `front_door` of `Server` with policy, callers, signatures and replay. They come from sixteen clients in turn, and each was
here before, so ours find what they remember of its certificate, and rustls and nginx (1.22.1 with OpenSSL 3.0, one process) verify it anew; what a first contact costs beside rustls is `handshake/*` `first`.
"""

GROWN = """One question is: of a tenant by a template; of a pinned leaf, whole; of a first contact below so many anchors, or below a list with so many entries; of a payload of 2 KB
under the last of so many keys; of one more request on one of so many open connections in turn. A list is read and its signature verified when it is built.
"""

# What rows a note is about, and the note: told where one of them is not met.
NOTES = [
    (("",), """**Profiles of the counted paths** (`.ci/run`, step `instructions`, under callgrind): functions above 5 % that are neither cryptography nor the one look-up are `expect_tag` of webpki at a
  first contact (6.0 %) and base64's decoder of a token (6.9 %, its rest 2.8 %). A known client is a keyed hash and comparisons; a tenant is that and the template; a request on an open connection is a
  pointer that is read and its connection's standing; a payload is SHA-256 (86 %)."""),
    (("client_cert/", "handshake/"), """**First contact** takes 17,000 instructions more than with rustls, which judges nothing but the path: that would be 4 us, and is 10 to 20 us because the verified
  signatures have pushed all of that code out of the processor's caches. In callgrind's model of them (32 KiB each), a chain of P-384 costs 1,067 lines of code and 333 of data more
  that have to be fetched again, and 440 branches more that are guessed wrong. Of the lines 690 read the leaf: webpki's reader, which rustls needs as well, 184, extensions 150, dates 95, fields
  84, names 99. 207 judge the path. What could be left out is the second parser, which must agree with the first."""),
    (("pins/",), """**A pin of ten** takes 308 instructions, and the set 331, most of them its hash. What is slower is not the look-up: a verifier answers with evidence, 176 bytes that are written and copied,
  where the set answers yes."""),
    (("tenants/1000",), """**A thousand tenants that are hot**: of 441 instructions the keyed hash, which the set has too, takes 165, and comparing the template and the name 110. Four are atomic: who is
  told a tenant holds it, and the rule that named it, also when the table is replaced, and lets go of both. The set answers yes. One count for both (the rule's name kept before
  those of the tenants) and a hash of the bare bytes were tried: a median of 80 ns, where it is 78 without (three runs of 61 rounds each, a set beside them). No function takes more than a sixth of the
  time, and the counts take a fiftieth."""),
    (("jwt/hs256",), """**HS256**: of 22,300 instructions (a short token, SHA-256 in software) SHA-256 is 60 %, base64 10 %, header and claims 13 %, the copies and comparisons of the
  header field 2 %, and nothing else above 2 %: which key, which rules, what is kept of it. Of these the least has base64, the field and its own JSON; it holds no keys that may be
  replaced while it runs, so it counts nobody who holds them, nor how often a key was used. base64-simd decodes 120 characters in 28 to 40 ns
  where base64 takes 71 to 117 (two runs, in turns), which would be some 10 % of such a token; it was turned down, since it would put hand-written SIMD in front of bytes of nobody known."""),
    (("payload/",), """**Payloads of 256 B**: of 23,500 instructions (SHA-256 in software) SHA-256 is 86 %, and nothing else above 2 %. What the least has not is five atomic operations: who holds the
  keys and their owner, and how often the key was used."""),
    (("jwt/rs256", "jwt/ps256"), """**RSA keys in bytes**: rustls's `SignatureVerificationAlgorithm`, which is how every provider can be used, takes the key in bytes and parses it for each token. With
  `aws_lc_rs_algorithms` it is parsed once."""),
    (("replaced/tenants_worst_reader", "replaced/pins_worst_reader"), """**A reader while pins and tenants are replaced** drops nothing of what was replaced. What is left is the machine, a guest beside others: in eight runs the worst was 0.2 to 7.0 ms, and 0.2
  to 5.8 ms in `worst_reader_undisturbed`, where as many tables are built and dropped beside the readers, and none is replaced."""),
    (("dispatcher/one", "dispatcher/many"), """**The dispatcher** and `reqwest` share most of a delivery: the same hyper, rustls and tokio, the same signer, and the same system calls (one `writev`, one `recvfrom`, two
  `epoll_wait`; about 30 % of the time). Of 177,000 instructions in the sender's thread (SHA-256 in software; `reqwest` has 203,000) SHA-256 is 113,000 in both, the signature around it 8,000, the
  connection's task with hyper and TLS 27,000. What is left is 29,000 here and 55,000 there: `reqwest` reads the URL anew and passes the request through its layers; here endpoint, turn, circuit,
  certificate and deadlines are asked, and the connection is kept for its tenant. Going by what these 26,000 instructions came to in time, in two runs, a dispatcher that did nothing of its own
  would be at 0.72 to 0.76. Of 1,000 tenants each finds the caches cold, in both."""),
    (("dispatcher/held",), """**A tenant with an idle connection**: hyper holds 25.6 kB of it (room for 32 requests on their way to the connection 9.2 kB, 8 KiB to write, 8 KiB to read, none of which can be set lower),
  rustls 7 kB (4 KiB to read, keys, the server's certificate). That is more than the goal before anything of ours: identity, trust, what is remembered of the server, and the pool are the rest.
  `reqwest` holds 57 kB for each client."""),
    (("sockets/front_door",), """**The front door** reads a body, verifies its signature, and keeps its identity, under bounds that watch every connection; the servers beside it do none of that."""),
    (("replaced/large_built",), """**A policy of a million pins and a million tenants** is built by one thread, which sorts and hashes them; on a machine that shares its memory it took 0.45 to 0.85 s from run to run."""),
    (("replaced/",), """**A list of a signer who is not known yet** is verified by whoever comes first, under a lock: only then is it known who has issued it. Lists that are renewed by
  `Crls::renew` are verified there."""),
    (("attack/junk", "attack/chain", "attack/foreign", "attack/namesake", "attack/public"), """**Strangers** make a server read their leaf before its issuer is looked for: 14,000 instructions of 25,700 for a foreign authority's chain, of which rustls takes 11,600. In a whole
  handshake that code is as cold as at a first contact, and takes 10 to 20 us beside the 150 to 350 us that the handshake of a stranger costs a server anyway. No certificate of a stranger is hashed."""),
    (("attack/namesake_flood", "attack/public_flood"), """**A known client between strangers** whose signatures have to be verified finds the processor's caches full of that; where rustls's verifier refuses the same strangers (`flood_at_rustls`), the
  same handshake costs as much."""),
]


ATTACKS = """## What strangers can make a server pay

Who has no key, and only shows certificates. "junk" is no certificate; "chain" a good leaf of somebody else's authority with junk behind it; "foreign" another authority's chain,
"namesake" that of one that calls itself like ours; "public" a copy of a certificate that we trust, whose owner was never here. An attempt is `verify_client_cert`; handshakes are the
server's whole CPU time: that of the stranger until the server has refused it, and that of a known client, between fifty clients that are as good, and between fifty such attempts, at our verifier and at rustls's.

"""


def by_row(runs):
    rows = {}
    for run in runs:
        for row in run["rows"]:
            rows.setdefault((row["row"], row["ours"], row["against"]), []).append(row)
    return rows


def table(rows):
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


def ratios(rows):
    compared = ((key, found) for key, found in rows.items() if key[2] != "bound")
    return [
        (f"{row} {ours}" if ours != "ours" else row, against, statistics.median(one["ratio"] for one in found), found[0]["goal"])
        for (row, ours, against), found in compared
    ]


def grown(runs):
    """By kind and size: what was measured, the median of the runs."""
    kinds = {}
    for run in runs:
        for name, found in run["amounts"].items():
            if name.startswith("grown/"):
                _, kind, size, what = name.split("/")
                kinds.setdefault(kind, {}).setdefault(int(size), {}).setdefault(what, []).append(found["value"])
    middle = lambda values: {what: statistics.median(found) for what, found in values.items()}
    return {kind: {size: middle(values) for size, values in sorted(sizes.items())} for kind, sizes in kinds.items()}


def growth_table(kinds):
    lines = ["| of | how many | one question | to build | held |", "|---|--:|--:|--:|--:|"]
    for kind, sizes in kinds.items():
        for size, values in sizes.items():
            lines.append(
                f"| {kind} | {size:,} | {amount(values['asked'], 'ns')} | {values['built']:,.1f} ms | {values['held']:,.0f} kB |"
            )
    return "\n".join(lines) + "\n"


def amount(value, unit):
    if unit == "ns" and value >= 1000:
        value, unit = value / 1000, "us"
    return f"{value:.0f} {unit}" if value >= 100 else f"{value:.2f} {unit}"


def machine(runs):
    """What it was like, by its own words."""
    loads = [run["load"] for run in runs if run["load"] is not None]
    if not loads:
        return f"{runs[0]['processors']} processors"
    busy = f"of which other programs kept {min(loads):.1f} to {max(loads):.1f} busy when it began" if len(loads) > 1 else f"of which other programs kept {loads[0]:.1f} busy when it began"
    return f"{runs[0]['processors']} processors, {busy}"


def attacks(runs):
    """What a stranger's attempt costs, and what a known client's handshake does between fifty of them."""
    groups = {}
    for run in runs:
        for name, cases in run["groups"].items():
            if name.startswith("attack/"):
                found = groups.setdefault(name.removeprefix("attack/"), {})
                for case, value in cases.items():
                    found.setdefault(case, []).append(value["nanos"])
    if not groups:
        return ""
    middle = lambda group, case: amount(statistics.median(groups[group][case]), "ns")
    lines = [
        "| who | an attempt with rustls | with ours | its handshake with rustls | with ours | a known client's handshake | between such attempts | between such at rustls |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for who in (name for name in groups if "_" not in name):
        cells = [(who, "rustls"), (who, "ours"), (f"{who}_handshake", "rustls"), (f"{who}_handshake", "ours")]
        cells += [(f"{who}_flood", case) for case in ("healthy", "healthy_in_a_flood", "flood_at_rustls")]
        lines.append(f"| {who} | " + " | ".join(middle(*cell) for cell in cells) + " |")
    return ATTACKS + "\n".join(lines) + "\n"


def not_reached(rows):
    missed = [name for (name, _, _), found in rows.items() if not all(row["met"] for row in found)]
    notes = [note for about, note in NOTES if any(name.startswith(about) for name in missed)]
    head = "## What is not reached\n\n" + ("Rows that are not met, and why.\n\n" if notes else "Nothing that is explained here.\n")
    return head + "".join(f"* {note}\n" for note in notes)


def allocations(runs):
    run = {"groups": {name: cases for run in runs for name, cases in run["groups"].items()}}
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
    rows, kinds = by_row(runs), grown(runs)
    # Several files may be of other parts of one run.
    times = max(len(found) for found in rows.values())
    many = "one run" if times == 1 else f"{times} runs (ratios from the lowest to the highest)"
    (DOCS / "performance-ratios.svg").write_text(plots.ratios(ratios(rows)))
    asked = {kind: [(size, values["asked"]) for size, values in sizes.items()] for kind, sizes in kinds.items()}
    (DOCS / "performance-growth.svg").write_text(plots.growth(asked))
    parts = [
        HEAD.format(processor=runs[0]["processor"], machine=machine(runs), runs=many),
        "## Ratios\n",
        ROWS,
        "![Ratios to peers and to the least work](performance-ratios.svg)\n",
        table(rows),
        "## Cost as work grows\n",
        GROWN,
        "![Cost of one question as work grows](performance-growth.svg)\n",
        growth_table(kinds),
        "## Allocations\n\nOf Rust's allocator.\n",
        allocations(runs),
        attacks(runs),
        not_reached(rows),
    ]
    (DOCS / "performance.md").write_text("\n".join(parts))


main()
