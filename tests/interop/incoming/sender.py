"""PORT SECRET CA CERT KEY ID TIME: sends a webhook, signed by the library of Standard Webhooks, and prints the answer."""
import ssl
import sys
from datetime import datetime, timezone
from http.client import HTTPSConnection

from standardwebhooks.webhooks import Webhook

port, secret, ca, cert, key, identity, when = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(cert, key)
body = '{"type":"order.paid"}'
headers = {
    "webhook-id": identity,
    "webhook-timestamp": when,
    "webhook-signature": Webhook(secret).sign(identity, datetime.fromtimestamp(int(when), timezone.utc), body),
}
connection = HTTPSConnection("localhost", int(port), context=context)
connection.request("POST", "/hooks", body, headers)
answer = connection.getresponse()
print(answer.status)
print(answer.read().decode())
