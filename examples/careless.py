#!/usr/bin/env python3
"""A receiver that looks as if it verified signatures, and lets six of the doctor's attacks through: to try `doctor endpoint` on, and for nothing else.

    ACME_SECRET=whsec_... python3 examples/careless.py [PORT]

Each carelessness is one that real receivers have had. It prints where it listens.
"""
import base64
import hashlib
import hmac
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

KEY = base64.b64decode(os.environ["ACME_SECRET"].removeprefix("whsec_"))


class Careless(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))  # Careless: as much as anybody likes.
        self.send_response(200 if self.is_signed(body) else 401)
        self.send_header("content-length", "0")
        self.end_headers()

    def is_signed(self, body):
        signature = self.headers.get("webhook-signature")
        if signature is None:
            return True  # Careless: "the load balancer's probes are not signed".
        try:
            event = json.dumps(json.loads(body))  # Careless: what is verified is not what arrived.
        except ValueError:
            return False
        # Careless: nobody looks at the time, nor whether the delivery was here before.
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.{event}"
        mac = base64.b64encode(hmac.new(KEY, signed.encode(), hashlib.sha256).digest()).decode()
        return any(hmac.compare_digest(f"v1,{mac}", one) for one in signature.split())

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Careless)
print(f"listening on http://127.0.0.1:{server.server_port}/", flush=True)
server.serve_forever()
