"""PORT SECOND|- 1.2|1.3 TRUSTED CERT|- KEY|- REQUEST

Sends the request to PORT and prints the answer. With SECOND: sends it there too, offering the session of the first
connection, and prints whether it was resumed.
"""
import socket
import ssl
import sys

port, second, version, trusted, cert, key, request = sys.argv[1:]

context = ssl.create_default_context(cafile=trusted)
context.minimum_version = context.maximum_version = ssl.TLSVersion[f"TLSv{version}".replace(".", "_")]
if cert != "-":
    context.load_cert_chain(cert, key)


def talk(port, session=None):
    """The session and whether it is a resumed one."""
    with socket.create_connection(("127.0.0.1", int(port)), timeout=10) as tcp:
        with context.wrap_socket(tcp, server_hostname="localhost", session=session) as tls:
            with open(request, "rb") as file:
                tls.sendall(file.read())
            while answer := tls.recv(4096):
                print(answer.decode())
            return tls.session, tls.session_reused


try:
    session, _ = talk(port)
    if second != "-":
        print(f"resumed={str(talk(second, session)[1]).lower()}")
except ssl.SSLError as error:
    print(error)
