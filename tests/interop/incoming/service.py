"""Prints the port of a plain HTTP service that knows nothing of TLS, and answers what it was told."""
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        path = self.path
        if path == "/erp/slow":
            time.sleep(30)
        if path == "/erp/switch":
            self.send_response(101)
            self.end_headers()
            return
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if path == "/erp/fail":
            self.send_response(500)
            self.send_header("content-length", "0")
            self.end_headers()
            return
        fields = sorted(f"{name.lower()}: {value}" for name, value in self.headers.items())
        told = "\n".join([f"{self.command} {path}", *fields, f"body: {body.decode()}", ""]).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    do_GET = do_POST = do_PUT = do_HEAD = answer

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Service)
print(f"service on {server.server_address[1]}", flush=True)
server.serve_forever()
