"""Writes forgeries.json: signatures that only whoever holds the private key can make wrong in these ways.

    python3 -m pip install cryptography
    python3 tests/support/jose/forgeries.py

Each is made with a key of this folder; `key` is the public half. `accept` says what RFC 8017, FIPS 186-5 and RFC 8032
want. PSS and ECDSA are random, so the file differs from run to run.
"""

import base64
import hashlib
import json
import pathlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

FOLDER = pathlib.Path(__file__).parent
SHA256 = hashes.SHA256()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def private(name):
    return serialization.load_pem_private_key((FOLDER / f"{name}.pem").read_bytes(), None)


RSA, P256, P521, ED = private("rsa"), private("p256"), private("p521"), private("ed25519")
PUBLIC = json.loads((FOLDER / "public.json").read_text())
cases = []


def case(name, key, alg, sign, accept=False, payload=b"payload"):
    signed = b64(b'{"alg":"%s"}' % alg.encode()) + "." + b64(payload)
    token = signed + "." + b64(sign(signed.encode()))
    public = PUBLIC[key] if isinstance(key, str) else key
    cases.append({"name": name, "alg": alg, "key": json.dumps(public), "token": token, "accept": accept})


def number(value, length):
    return value.to_bytes(length, "big")


# RSASSA-PKCS1-v1_5 (RFC 8017 §8.2.2): the encoded message is compared whole.
NUMBERS = RSA.private_numbers()
N, LENGTH = NUMBERS.public_numbers.n, 256
INFO = bytes.fromhex("3031300d060960864801650304020105000420")


def raw(encoded):
    return number(pow(int.from_bytes(encoded, "big"), NUMBERS.d, N), LENGTH)


def padded(text, first=b"\0\1", fill=b"\xff", last=b"\0"):
    return first + fill * (LENGTH - len(first) - len(last) - len(text)) + last + text


def sha(data):
    return hashlib.sha256(data).digest()


def rs256(data):
    return RSA.sign(data, padding.PKCS1v15(), SHA256)


def filled(text):
    head = b"\0\1" + b"\xff" * 8 + b"\0" + text
    return head + bytes(LENGTH - len(head))


ENCODINGS = {
    "PKCS#1: as it should be": lambda d: padded(INFO + sha(d)),
    "PKCS#1: parameters left out": lambda d: padded(bytes.fromhex("302f300b0609608648016503040201") + b"\4\x20" + sha(d)),
    "PKCS#1: short padding, garbage behind": lambda d: filled(INFO + sha(d)),
    "PKCS#1: hash said to be SHA-512": lambda d: padded(INFO.replace(b"\4\2\1", b"\4\2\3") + sha(d)),
    "PKCS#1: SHA-1": lambda d: padded(bytes.fromhex("3021300906052b0e03021a05000414") + hashlib.sha1(d).digest()),
    "PKCS#1: no DigestInfo": lambda d: padded(sha(d)),
    "PKCS#1: block type 2": lambda d: padded(INFO + sha(d), first=b"\0\2"),
    "PKCS#1: block type 0": lambda d: padded(INFO + sha(d), first=b"\0\0"),
    "PKCS#1: padding of 0xfe": lambda d: padded(INFO + sha(d), fill=b"\xfe"),
    "PKCS#1: no zero behind the padding": lambda d: padded(INFO + sha(d), last=b""),
    "PKCS#1: length in long form": lambda d: padded(b"\x30\x81" + INFO[1:] + sha(d)),
    "PKCS#1: NULL behind the hash": lambda d: padded(b"\x30\x33" + INFO[2:] + sha(d) + b"\5\0"),
    "PKCS#1: garbage for parameters": lambda d: padded(
        bytes.fromhex("3033300f0609608648016503040201040201020420") + sha(d)
    ),
}
for name, encode in ENCODINGS.items():
    case(name, "rsa", "RS256", lambda d, encode=encode: raw(encode(d)), name.endswith("should be"))
case("RSA: s + n", "rsa", "RS256", lambda d: number(int.from_bytes(rs256(d), "big") + N, LENGTH + 1))
case("RSA: zero in front", "rsa", "RS256", lambda d: b"\0" + rs256(d))
case("RSA: n - s", "rsa", "RS256", lambda d: number(N - int.from_bytes(rs256(d), "big"), LENGTH))
case("RSA: 0", "rsa", "RS256", lambda d: bytes(LENGTH))
case("RSA: 1", "rsa", "RS256", lambda d: number(1, LENGTH))
case("RSA: n - 1", "rsa", "RS256", lambda d: number(N - 1, LENGTH))
for count in range(5000):
    if rs256((b64(b'{"alg":"RS256"}') + "." + b64(b"%d" % count)).encode())[0] == 0:
        case("RSA: begins with zero", "rsa", "RS256", rs256, True, b"%d" % count)
        case("RSA: its zero left out", "rsa", "RS256", lambda d: rs256(d)[1:], payload=b"%d" % count)
        break

# RSASSA-PSS (RFC 7518 §3.5): the salt is as long as the hash, and MGF1 uses the same.
for salt in (0, 20, 31, 32, 33, 64, 222):
    pss = padding.PSS(padding.MGF1(SHA256), salt)
    case(f"PSS: salt of {salt}", "rsa", "PS256", lambda d, pss=pss: RSA.sign(d, pss, SHA256), salt == 32)
pss = padding.PSS(padding.MGF1(hashes.SHA1()), 32)
case("PSS: MGF1 with SHA-1", "rsa", "PS256", lambda d: RSA.sign(d, pss, SHA256))

# ECDSA (RFC 7518 §3.4).
N256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
N521 = 2**521 - 657877501894328237357444332315020117536923257219387276263472201219398408051703


def pair(key, length, change, algorithm):
    def sign(data):
        r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(algorithm)))
        r, s = change(r, s)
        return number(r, length) + number(s, length)

    return sign


def es256(change):
    return pair(P256, 32, change, SHA256)


def es512(change):
    return pair(P521, 66, change, hashes.SHA512())


case("ECDSA: as it should be", "p256", "ES256", es256(lambda r, s: (r, s)), True)
case("ECDSA: n - s, which is as good", "p256", "ES256", es256(lambda r, s: (r, N256 - s)), True)
case("ECDSA: n - r", "p256", "ES256", es256(lambda r, s: (N256 - r, s)))
case("ECDSA: n - 1 twice", "p256", "ES256", es256(lambda r, s: (N256 - 1, N256 - 1)))
case("ECDSA: P-521 as it should be", "p521", "ES512", es512(lambda r, s: (r, s)), True)
case("ECDSA: P-521, r + n", "p521", "ES512", es512(lambda r, s: (r + N521, s)))
case("ECDSA: P-521, s + n", "p521", "ES512", es512(lambda r, s: (r, s + N521)))
case("ECDSA: P-521, in DER", "p521", "ES512", lambda d: P521.sign(d, ec.ECDSA(hashes.SHA512())))
case("ECDSA: P-521 with SHA-256", "p521", "ES512", pair(P521, 66, lambda r, s: (r, s), SHA256))
KOBLITZ = ec.generate_private_key(ec.SECP256K1())
POINT = KOBLITZ.public_key().public_numbers()
koblitz = {"kty": "EC", "crv": "secp256k1", "x": b64(number(POINT.x, 32)), "y": b64(number(POINT.y, 32))}
signed_by_koblitz = pair(KOBLITZ, 32, lambda r, s: (r, s), SHA256)
case("ECDSA: secp256k1", koblitz, "ES256K", signed_by_koblitz)
case("ECDSA: secp256k1 said to sign ES256", koblitz, "ES256", signed_by_koblitz)
case("ECDSA: secp256k1 said to be P-256", koblitz | {"crv": "P-256"}, "ES256", signed_by_koblitz)

# Ed25519 (RFC 8032 §5.1.7): S is below L.
L = 2**252 + 27742317777372353535851937790883648493


def lifted(times):
    def sign(data):
        signature = ED.sign(data)
        s = int.from_bytes(signature[32:], "little") + times * L
        return signature[:32] + s.to_bytes(32, "little")

    return sign


case("Ed25519: as it should be", "ed25519", "EdDSA", ED.sign, True)
case("Ed25519: S + L", "ed25519", "EdDSA", lifted(1))
case("Ed25519: S + 2L", "ed25519", "EdDSA", lifted(2))
for point in ("01" + "00" * 31, "ec" + "ff" * 30 + "7f", "00" * 32, "00" * 31 + "80", "ee" + "ff" * 30 + "7f"):
    small = bytes.fromhex(point)
    case(f"Ed25519: R is {point[:4]}.., S is 0", "ed25519", "EdDSA", lambda d, small=small: small + bytes(32))
    case(f"Ed25519: key is {point[:4]}..{point[-2:]}", {"kty": "OKP", "crv": "Ed25519", "x": b64(small)}, "EdDSA",
         lambda d: b"\1" + bytes(63))

(FOLDER / "forgeries.json").write_text(json.dumps(cases, indent=0) + "\n")
print(len(cases))
