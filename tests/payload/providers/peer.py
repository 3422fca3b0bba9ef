"""Signs and verifies with the providers' own libraries: a JSON request a line in, a JSON answer a line out."""
import datetime
import json
import sys

import nacl.encoding
import nacl.signing
import standardwebhooks
import stripe
import svix
from slack_sdk.signature import SignatureVerifier
from twilio.request_validator import RequestValidator


def holds(attempt):
    try:
        return attempt() is not False
    except Exception:
        return False


def moment(request):
    return datetime.datetime.fromtimestamp(request["now"], datetime.timezone.utc)


def webhook_fields(prefix, signature):
    return lambda r: {
        prefix + "-id": r["id"],
        prefix + "-timestamp": str(r["now"]),
        prefix + "-signature": signature(r),
    }


def discord(request):
    key = nacl.signing.SigningKey(request["key"], encoder=nacl.encoding.HexEncoder)
    signed = key.sign(f"{request['now']}{request['body']}".encode())
    return {"x-signature-timestamp": str(request["now"]), "x-signature-ed25519": signed.signature.hex()}


LIBRARIES = {
    "standardwebhooks": {
        "sign": webhook_fields("webhook", lambda r: standardwebhooks.Webhook(r["key"]).sign(r["id"], moment(r), r["body"])),
        "verify": lambda r: holds(lambda: standardwebhooks.Webhook(r["key"]).verify(r["body"], r["headers"])),
    },
    "svix": {
        "sign": webhook_fields("svix", lambda r: svix.Webhook(r["key"]).sign(r["id"], moment(r), r["body"])),
        "verify": lambda r: holds(lambda: svix.Webhook(r["key"]).verify(r["body"], r["headers"])),
    },
    "stripe": {
        "sign": lambda r: {
            "stripe-signature": "t=%d,v1=%s"
            % (r["now"], stripe.WebhookSignature._compute_signature("%d.%s" % (r["now"], r["body"]), r["key"]))
        },
        "verify": lambda r: holds(
            lambda: stripe.WebhookSignature.verify_header(r["body"], r["headers"]["stripe-signature"], r["key"], 300)
        ),
    },
    "slack_sdk": {
        "sign": lambda r: {
            "x-slack-request-timestamp": str(r["now"]),
            "x-slack-signature": SignatureVerifier(r["key"]).generate_signature(timestamp=str(r["now"]), body=r["body"]),
        },
        "verify": lambda r: SignatureVerifier(r["key"]).is_valid_request(r["body"], r["headers"]),
    },
    "twilio": {
        "sign": lambda r: {
            "content-type": "application/x-www-form-urlencoded",
            "x-twilio-signature": RequestValidator(r["key"]).compute_signature(r["url"], r["form"]),
        },
        "verify": lambda r: RequestValidator(r["key"]).validate(r["url"], r["form"], r["headers"]["x-twilio-signature"]),
    },
    "pynacl": {"sign": discord},
}

for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {"answer": LIBRARIES[request["library"]][request["ask"]](request)}
    except Exception as error:
        answer = {"error": repr(error)}
    print(json.dumps(answer), flush=True)
