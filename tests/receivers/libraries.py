"""A receiver with the libraries that consumers use: usage `python libraries.py DIRECTORY SECRET`. Prints its port.

The path says which library decides. `?changed` changes the body before it does.
"""

import http.server
import json
import ssl
import sys
import threading

import standardwebhooks
import svix

DIRECTORY, SECRET = sys.argv[1:]
LIBRARIES = {"/standardwebhooks": standardwebhooks.Webhook(SECRET), "/svix": svix.Webhook(SECRET)}


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        path, _, query = self.path.partition("?")
        if query == "changed":
            body = body.replace("true", "fals")
        try:
            LIBRARIES[path].verify(body, {name.lower(): value for name, value in self.headers.items()})
            status, said = 204, b""
        except Exception as error:
            status, said = 401, repr(error).encode()
        self.send_response(status)
        if said:
            self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(f"{DIRECTORY}/server.pem", f"{DIRECTORY}/server.key")
context.load_verify_locations(f"{DIRECTORY}/clients.pem")
context.verify_mode = ssl.CERT_REQUIRED
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({"good": server.server_address[1]}), flush=True)
sys.stdin.read()
