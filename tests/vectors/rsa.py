#!/usr/bin/env python3
"""Writes rsa.toml: messages of AWS SNS and PayPal, signed by openssl under a key that is thrown away.

Run from this folder: python3 rsa.py > rsa.toml
"""
import base64, json, pathlib, subprocess, tempfile, zlib

URL = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem"
TOPIC = "arn:aws:sns:us-east-1:123456789012:topic"
SIGNED = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]

folder = pathlib.Path(tempfile.mkdtemp())
run = lambda *words, text=None: subprocess.run(words, input=text, check=True, capture_output=True, cwd=folder).stdout
run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "pem", "-days", "36500", "-subj", "/CN=a test")
sign = lambda text, digest: base64.b64encode(run("openssl", "dgst", "-" + digest, "-sign", "key", text=text.encode())).decode()


def sns(name, version, **fields):
    message = {"MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324", "TopicArn": TOPIC, "Timestamp": "2027-01-15T08:00:00.000Z"}
    message |= {"SignatureVersion": version, "SigningCertURL": URL} | fields
    text = "".join(f"{field}\n{message[field]}\n" for field in SIGNED if field in message)
    message["Signature"] = sign(text, "sha1" if version == "1" else "sha256")
    print(f"\n[[sns]]\nname = {json.dumps(name)}\nbody = {json.dumps(json.dumps(message))}")


print("# Written by rsa.py. Not to be edited.")
print("certificate = '''\n" + (folder / "pem").read_text() + "'''")
body = '{"id":"WH-1","event_type":"PAYMENT.SALE.COMPLETED"}'
text = f"69cd13f0-d67a-11e5-baa3-778b53f4ae55|2027-01-15T08:00:00Z|1JE4291016473214C|{zlib.crc32(body.encode())}"
print(f"paypal_body = {json.dumps(body)}\npaypal_signature = {json.dumps(sign(text, 'sha256'))}")
note = {"Type": "Notification", "Message": "two\nlines"}
sns("version 1", "1", **note)
sns("version 2", "2", **note)
sns("with a subject", "2", Subject="a subject", **note)
sns("a confirmation", "2", Type="SubscriptionConfirmation", Message="You have chosen to subscribe", Token="2336412f37",
    SubscribeURL="https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37")
