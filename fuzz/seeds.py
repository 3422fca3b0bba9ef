#!/usr/bin/env python3
"""Writes the seeds of those targets whose input is choices, or a message by a vector of the tests: `python3 fuzz/seeds.py`.

What the other targets begin with (certificates, lists, headers of proxies) was taken from tools, and stands in the repository only."""
import json
import pathlib
import tomllib

HERE = pathlib.Path(__file__).parent
SEEDS = HERE / "seeds"
NONE, TEXT = b"\0", b"\x02{}"


def write(target, seeds):
    folder = SEEDS / target
    folder.mkdir(parents=True, exist_ok=True)
    assert len(seeds) <= 40, (target, len(seeds))
    for name, seed in seeds.items():
        (folder / name).write_bytes(seed)


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return bytes([len(value)]) + value


# What `tamper` does, by its number.
CHANGES = {
    "untouched": b"\0",
    "flipped": b"\1\0\0\0",
    "spliced": b"\1\1\0\0" + text("x"),
    "longer": b"\1\2" + text("\n"),
    "late": b"\1\3\xff\x7f",
    "elsewhere": b"\1\4" + text("in/box?data.id=ABC124"),
    "method": b"\1\5\1",
    "field_gone": b"\1\6\0",
    "field_twice": b"\1\7\0\1",
    "field_other": b"\1\x08\0" + text("t=1790000000,v1=00"),
    "field_spliced": b"\1\x09\0\0\0" + text("x"),
    "field_longer": b"\1\x0a\0" + text(",v1=00"),
    "field_flipped": b"\1\x0b\0\0\0",
}


def tampered():
    seeds = {f"sender_{number}": bytes([number]) + TEXT + NONE for number in range(0, 162, 6)}
    seeds |= {name: b"\5" + TEXT + change + b"\2\1\1" for name, change in CHANGES.items()}
    return seeds


def explained():
    seeds = {f"sender_{number}": bytes([number]) + TEXT + NONE for number in range(0, 156, 6)}
    return seeds | {name: b"\5" + TEXT + change for name, change in CHANGES.items()}


def client():
    """A policy, an issuer, things in the leaf, changes that are signed, changes that are not."""
    seeds = {f"issuer_{number}": bytes([0, number]) for number in range(14)}
    seeds |= {f"policy_{number}": bytes([number, 1]) for number in range(6)}
    things = [0, 1, 2, 5, 7, 10, 11, 12, 13, 14, 15, 16, 17]
    seeds |= {f"with_{thing}": bytes([0, 0, 1, thing]) for thing in things}
    seeds["signed_anew"] = bytes([0, 0, 0, 1, 0, 20, 7, 0, 7])
    seeds["changed"] = bytes([0, 0, 0, 0, 7, 0, 90, 1])
    return seeds


def revoked():
    """A number, entries, what is required."""
    seeds = {
        "empty": b"\1\0\0\1",
        "optional": b"\1\0\0\0",
        "first": b"\1\1\0\0\0\1",
        "all": b"\1\4\0\0\0\1\0\2\0\3\0\1",
        "any": b"\1\1\2" + text(b"\1\2\3") + b"\0\1",
        "late": b"\1\1\6\0\1",
        "scope": b"\1\1\5\2" + text(bytes.fromhex("30038101ff")) + b"\0\1",
        "delta": b"\1\1\5\3" + text(bytes.fromhex("020101")) + b"\0\1",
        "last_second": b"\1" + b"\xff" * 8,
        "without_number": b"\1\1\x08\0\1",
    }
    seeds |= {f"signed_anew_{place}": bytes([1, 1, 0, 0, 1, 0, place, 7, 0, 9, 1]) for place in range(0, 24, 3)}
    return seeds


def claims():
    """Splices: from, to, what comes instead."""

    def splice(begin, length, new):
        return bytes([begin, length]) + text(new)

    header = splice(1, 0, '"crit":["exp"],')
    return {
        "as_they_are": b"\0\0\0\0",
        "critical": b"\1" + header + b"\0\0\0",
        "other_algorithm": b"\1" + splice(8, 5, "none") + b"\0\0\0",
        "twice": b"\0\1" + splice(1, 0, '"iss":"other",') + b"\0\0",
        "escaped": b"\0\1" + splice(2, 3, "\\u0069ss") + b"\0\0",
        "float": b"\0\1" + splice(48, 10, "1.7900003e9") + b"\0\0",
        "later": b"\0\0\x2c\1",
        "earlier": b"\0\0\x00\xff",
    }


def handshakes():
    """A handshake, a method, a target, fields, a body."""

    def ask(which, method, target, fields="", body="", end=b"\0"):
        return bytes([which, method]) + text(target) + text(fields) + text(body) + end

    challenge = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"})
    zoom = json.dumps({"event": "endpoint.url_validation", "payload": {"plainToken": "qgg8vlvZRS6UYooatFL8Aw"}})
    seeds = {
        "slack": ask(0, 0, "", body=challenge),
        "zoom": ask(1, 0, "", body=zoom),
        "twitch": ask(2, 0, "", "twitch-eventsub-message-type: webhook_callback_verification", json.dumps({"challenge": "pogchamp"})),
        "front": ask(3, 0, "", "x-front-challenge: abc", json.dumps({"type": "sync"})),
        "airship": ask(4, 1, "/validate"),
        "adobe_sign": ask(5, 1, "", "x-adobesign-clientid: client"),
        "asana": ask(6, 0, "", "x-hook-secret: b537207f20cbfa02357cf448134da559"),
        "dropbox": ask(7, 1, "?challenge=abc"),
        "ebay": ask(8, 1, "?challenge_code=71745723-d031-455c-bfa5-f90d11b4f20a"),
        "meta": ask(11, 1, "?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=token"),
        "microsoft_graph": ask(12, 0, "?validationToken=Validation%3a+Testing+client"),
        "notion": ask(13, 0, "", body=json.dumps({"verification_token": "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"})),
        "nylas": ask(14, 1, "?challenge=abc"),
        "okta": ask(15, 1, "", "x-okta-verification-challenge: abc"),
        "onfleet": ask(16, 1, "?check=abc"),
        "trello": ask(17, 2, ""),
        "vtex": ask(18, 0, "", body='{"hookConfig":"ping"}'),
        "woocommerce": ask(19, 0, "", "content-type: application/x-www-form-urlencoded", "webhook_id=1"),
        "x": ask(20, 1, "?crc_token=YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo"),
        "linkedin": ask(21, 1, "?challengeCode=890e4665-4dfe-4ab1-b689-ed553bceeed0"),
        "braintree": ask(22, 1, "?bt_challenge=20f9f8ed05f77439fe955c977e4c8a53"),
    }
    return seeds


def config():
    spki = "sha256/FEzVOUp4dF3gI0ZVPRJhFbSJVXR+uQmMH65xhs1glH4="
    things = {
        "tenants": ["acme", "globex"],
        "rules": ["DNS:hooks.globex.example -> globex", "OU={tenant} && CN=billing"],
        "pins": [spki, "# nobody"],
        "guard": ["allow 10.7.0.0/16", "deny 10.7.9.0/24"],
        "networks": ["10.0.0.0/8", "2001:db8::/32"],
        "origins": ["https://hooks.example.com"],
        "schemes": ["github", "stripe"],
        "partial": ["mailgun"],
        "public_key": ["discord"],
        "token": ["telegram"],
        "spiffe": ["spiffe://pay.example/tenant/acme"],
        "keys": [spki],
        "pin": ["issuer " + spki + " until=2026-12-31T23:59:59Z label=theirs"],
        "tolerance": ["5m"],
    }
    seeds = {f"json_{key}": b"\0" + json.dumps({key: value}).encode() for key, value in things.items()}
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in things.items())
    seeds["toml"] = b"\1" + lines.encode()
    seeds |= {f"text_{key}": b"\2" + value[0].encode() for key, value in things.items()}
    return seeds


def shown_secret():
    secret = "a-secret-of-32-characters-or-more"
    fields = ["x-adobesign-clientid", "authorization", "x-token", "verif-hash", "x-gitlab-token", "x-telegram-bot-api-secret-token"]
    lines = "".join(f"{field}: {secret}\n" for field in fields)
    basic = "Authorization: Basic dXNlcjphLXNlY3JldC1vZi0zMi1jaGFyYWN0ZXJzLW9yLW1vcmU="
    seeds = {f"field_{number}": bytes([number]) + b"/in\n" + lines.encode() + b"\n{}" for number in range(0, 19)}
    seeds |= {f"basic_{number}": bytes([number]) + b"/in\n" + basic.encode() + b"\n\n{}" for number in (3, 10, 13, 14, 19)}
    seeds["parameter"] = bytes([20]) + f"/in?token={secret}\n\n".encode()
    seeds["path"] = bytes([21]) + f"/in/{secret}/box\n\n".encode()
    seeds["figma"] = bytes([5]) + b"/in\n\n" + json.dumps({"passcode": secret}).encode()
    seeds["graph"] = bytes([9]) + b"/in\n\n" + json.dumps({"value": [{"clientState": secret}]}).encode()
    return seeds


def signature_base():
    """Components by their number, parameters, changes in the text."""
    good = b"\3\0\1\2" + b"\2\0\0\0\1"
    seeds = {
        "as_asked": good + b"\0",
        "by_path": b"\5\0\3\5\6\2" + b"\2\0\0\0\1" + b"\0",
        "all": b"\x08\0\1\2\x08\x09\x0a\x0c\x0e" + b"\5\0\0\0\1\0\2\0\3\x40\4" + b"\0",
        "structured": b"\4\0\1\x0b\x0f" + b"\2\0\0\0\1" + b"\0",
        "twice": b"\4\0\0\1\2" + b"\2\0\0\0\1" + b"\0",
        "without_digest": b"\2\0\1" + b"\2\0\0\0\1" + b"\0",
        "other_algorithm": b"\3\0\1\2" + b"\3\0\0\0\1\0\6" + b"\0",
        "spaced": good + b"\1\x09\0" + text("  "),
        "escaped": good + b"\1\2\1" + text("\\m"),
    }
    return seeds


STATUSES = [
    200, 201, 202, 204, 206, 226, 299, 300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 407, 408, 410, 421, 425, 426,
    429, 431, 495, 496, 499, 500, 501, 502, 503, 504, 505, 520, 599, 600, 999,
]


def http(status=200, framing=0, chunks=b"", interim=b"\0", changes=b"\0"):
    """A status, a framing with what belongs to it, interim answers, changes."""
    return bytes([2, STATUSES.index(status), framing]) + interim + chunks + changes


FRAMINGS = {
    "chunked": http(200, 3, b"\1\x02\x02\1"),
    "to_the_end": http(200, 4),
    "too_long": b"\0\5\x08\0\0",
    "too_short": b"\0\5\xf8\0\0",
    "no_last_chunk": http(200, 6, b"\0\x02"),
    "length_and_chunks": http(200, 7, b"\0\x02\0"),
    "two_lengths": http(200, 8),
    "interim": http(200, 0, b"", b"\3\0\1\0"),
    "changed": http(200, 0, b"", b"\0", b"\1\x09\3" + text("302")),
}


def answers():
    """Whose answer, a pause, a field, a page of nginx's, a body; an answer."""
    plain = b"\1\0\0\0" + text("{}") + b"\0"
    seeds = {f"status_{status}": plain + http(status) for status in STATUSES[:2] + STATUSES[6:34:2]}
    seeds |= {name: plain + answer for name, answer in FRAMINGS.items()}
    seeds |= {
        "seconds": b"\1\1\x78\0\0\0\0\0\0\0" + http(503),
        "date": b"\1\3\0\0\0\0" + http(429),
        "long_ago": b"\1\4\0\0\0\0" + http(429),
        "twice": b"\1\5\0\0\0\0" + http(503),
        "nginx": b"\1\0\0\1\0\0" + http(400),
        "elsewhere": b"\1\0\1\0\0\0" + http(302),
        "large": b"\1\0\0\0\0\4" + http(200),
    }
    return seeds | {f"proxy_{status}": b"\0\1\0" + http(status) for status in (200, 407, 502)}


def fetched():
    """A size, a body, a field, an answer; or several answers with lists."""
    seeds = {f"size_{number}": bytes([1, number]) + text("{}") + b"\0" + http() for number in range(7)}
    seeds |= {name: b"\1\2" + text("{}") + b"\1" + answer for name, answer in FRAMINGS.items()}
    seeds |= {f"status_{status}": b"\1\0\0\0" + http(status) for status in (204, 206, 301, 304, 500)}
    seeds["newer"] = b"\0\1" + b"\0" + http() + b"\1" + http()
    seeds["older"] = b"\0\1" + b"\1" + http() + b"\0" + http()
    seeds["missing"] = b"\0\2" + b"\1" + http() + b"\2" + http(503) + b"\2" + http()
    return seeds


def stored():
    """A store, and steps."""
    claim = b"\0\0\x0a\x1e\1\x20"
    seeds = {
        "once": b"\0\1\6" + claim + b"\2\0" + claim + b"\4\x20" + claim + b"\4\x30" + claim,
        "released": b"\0\1\4" + claim + b"\3\0" + claim + b"\3\0",
        "clock_set": b"\0\1\7" + claim + b"\2\0\5\x9c" + claim + b"\4\x3f" + claim + b"\5\x64" + claim,
        "full": b"\0\0\6" + b"".join(b"\0" + bytes([one]) + b"\x0a\x1e\0" for one in range(6)),
    }
    words = {"granted": 0, "handled": 1, "leased": 2, "done": 3, "lost": 4}
    for step in range(3):
        for word, number in words.items():
            array = b"\4\0\2\4" + bytes([number]) + b"\6" + (5000).to_bytes(8, "little")
            seeds[f"redis_{step}_{word}"] = b"\2\1" + array + b"\0\x0a\x1e\0" + bytes(8) + bytes([step])
    seeds["redis_lost"] = b"\2\2\3\4\0\1\4\0" + b"\0\x0a\x1e\0" + bytes(8) + b"\0"
    return seeds


def sessions():
    """How long, a name, a secret; and steps."""
    session = b"\0\x2c" + text("a") + text("secret")
    return {
        "session": session + b"\2\4\0\x10\0\4",
        "late": session + b"\1\0\0\2\4",
        "changed": session + b"\1\1\x10\0" + text("x") + b"\4",
        "replaced": session + b"\1\2\4",
        "of_another": session + b"\0\3",
    }


def told():
    """What is asked, a sender, a body, a form, changes; or a configuration, or what stands in the wrong place."""
    seeds = {f"sender_{number}": bytes([0, number]) + text("{}") + bytes([number % 3]) + NONE for number in range(0, 60, 5)}
    seeds |= {
        "headers_changed": b"\0\5" + text("{}") + b"\0\1\x20\1" + text("x"),
        "har_changed": b"\0\5" + text("{}") + b"\2\1\x20\1" + text("x"),
        "proxy": b"\2\0\0\0",
        "proxy_changed": b"\2\1\x20\0\1" + text("x = 1\n") + b"\0\0",
        "keys_changed": b"\2\0\1\5\0" + text("key 1") + b"\0",
        "pins_changed": b"\2\0\0\1" + text("sha256/x"),
    }
    seeds |= {f"misplaced_{place}_{value}": bytes([3, 0, place, value, 1]) for place in range(5) for value in (0, 2, 4)}
    return seeds


def hosts():
    """Host fields, a target, a server name; or endpoints of two tenants; or URLs."""
    seeds = {f"field_{number}": bytes([0, 1, number, 0, 0, 0]) for number in range(11)}
    seeds |= {f"target_{number}": bytes([0, 0, 1, number, 0, 0]) for number in range(0, 11, 2)}
    seeds |= {f"name_{number}": bytes([0, 1, 2, 0, 0, 1, number, 0]) for number in range(0, 11, 2)}
    seeds["two_fields"] = bytes([0, 2, 2, 0, 2, 0, 0, 0])
    seeds["with_user"] = b"\0\1\0\1\0\0" + text("open.example@") + b"\0\0"
    seeds |= {f"paths_{path}": bytes([2, 2, 0, 2, 0, 1, 2, 0, path, 0, 1]) for path in range(10)}
    seeds["two_readings"] = bytes([2, 2, 0, 10, 0, 1, 2, 0, 2, 0, 1])
    seeds |= {f"url_{number}": bytes([3, number, 0, number % 10, 0]) for number in (0, 2, 3, 5)}
    return seeds


def remembered():
    """Steps: what, with which, in which role."""
    ask, prove, client = 7, 3, 2

    def steps(*all_):
        return b"".join(bytes(step) for step in all_)

    known = {f"known_{chain}": steps((0, 2, 0), (prove, chain, client), (ask, chain, client), (1, 70, 0), (ask, chain, client)) for chain in range(14)}
    known |= {
        "as_servers": steps((0, 2, 0), (prove, 12, 0), (ask, 12, 0), (ask, 12, 1), (ask, 12, client)),
        "replaced": steps((0, 2, 0), (prove, 0, client), (0, 6, 0), (ask, 0, client), (0, 2, 0), (ask, 0, client)),
        "replaced_meanwhile": steps((0, 2, 0), (prove, 0, 0x82), (ask, 0, client)),
        "pushed_out": steps((0, 2, 0), *((prove, chain, client) for chain in range(6)), *((ask, chain, client) for chain in range(6))),
    }
    return known | {f"policy_{policy}": steps((0, policy, 0), (prove, 0, client), (ask, 0, client), (1, 100, 0), (ask, 0, client)) for policy in range(11)}


def proxy_header():
    """Which version, addresses, fields, changes; some of the older ones stand for themselves."""
    return {
        "built_text": bytes([1, 1, 1]) + bytes([203, 0, 113, 9]) + b"\xbb\x01" + bytes([10, 0, 0, 1]) + b"\xfb\x20" + b"\0",
        "built_mapped": bytes([0, 2, 2]) + bytes([203, 0, 113, 9]) + b"\xbb\x01" + bytes([10, 0, 0, 1]) + b"\xfb\x20" + b"\0\0",
        "built_ipv6": bytes([0, 2, 0]) + bytes(15) + b"\1\xbb\x01" + bytes(15) + b"\1\xfb\x20" + b"\2\1" + text("h2") + b"\2" + text("a.example") + b"\0",
        "built_changed": bytes([0, 2, 1]) + bytes(12) + b"\0\1\x0e\1" + text("\xff"),
        "built_local": bytes([0, 0, 1, 4]) + text(b"\0\0\0\0") + b"\0",
    }


for make in (
    tampered, explained, client, revoked, claims, handshakes, config, shown_secret, signature_base,
    answers, fetched, sessions, stored, told, hosts, remembered, proxy_header,
):
    write(make.__name__, make())
