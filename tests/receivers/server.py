"""Python's own ssl: usage `python3 server.py DIRECTORY TLS-VERSION`. Prints its ports; what is asked for is the path."""

import http.server
import json
import socket
import ssl
import sys
import threading
import time

DIRECTORY, VERSION = sys.argv[1:]


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        getattr(self, "answer_" + self.path[1:].replace("-", "_"))()

    def say(self, status, body=b"", **fields):
        self.send_response(status)
        for name, value in {"content_length": str(len(body)), **fields}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def answer_ok(self):
        certificate = self.connection.getpeercert() or {}
        self.say(200, certificate.get("serialNumber", "nobody").encode())

    def answer_301(self):
        self.say(301, location="/ok")

    def answer_410(self):
        self.say(410)

    def answer_429(self):
        self.say(429, retry_after="120")

    def answer_500(self):
        self.say(500)

    def answer_503(self):
        self.say(503)

    def answer_silent(self):
        time.sleep(60)

    def answer_closes(self):
        self.close_connection = True

    def answer_breaks_off(self):
        self.say(200, b"x", content_length="100")
        self.close_connection = True

    def answer_babble(self):
        self.wfile.write(b"good morning\r\n\r\n")
        self.close_connection = True

    def answer_huge(self):
        self.say(200, content_length=str(1 << 40))
        while True:
            self.wfile.write(b"x" * (1 << 20))

    def answer_trickle(self):
        self.say(200, content_length=str(1 << 20))
        while True:
            self.wfile.write(b"x")
            time.sleep(0.05)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """Each handshake in the thread of its connection, begun after a while."""

    daemon_threads = True

    def __init__(self, name, ask=ssl.CERT_REQUIRED, pause=0):
        super().__init__(("127.0.0.1", 0), Answer)
        self.pause = pause
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(f"{DIRECTORY}/{name}.pem", f"{DIRECTORY}/{name}.key")
        self.context.load_verify_locations(f"{DIRECTORY}/clients.pem")
        self.context.verify_mode = ask
        version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[VERSION]
        self.context.minimum_version = self.context.maximum_version = version

    def finish_request(self, request, client_address):
        time.sleep(self.pause)
        with self.context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def shutdown_request(self, request):
        self.close_request(request)

    def handle_error(self, *_):
        pass


SERVERS = {
    "good": Server("server"),
    "expired": Server("expired"),
    "stranger": Server("stranger"),
    "unasking": Server("server", ask=ssl.CERT_NONE),
    "mute": Server("server", pause=60),
}
for server in SERVERS.values():
    threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({name: server.server_address[1] for name, server in SERVERS.items()}), flush=True)
sys.stdin.read()
