"""A client over TLS 1.2 that shows one certificate, then another in a second handshake on the same connection.

second-handshake.py PORT PATH CERTIFICATE KEY CERTIFICATE KEY

Prints whether there was a second handshake, and what was answered behind it. Node's client cannot change its certificate,
so this speaks to OpenSSL itself.
"""

import ctypes
import socket
import sys

PEM = 1
SET_MAX_PROTO_VERSION = 124
TLS_1_2 = 0x0303

pointer = ctypes.c_void_p
number = ctypes.c_int
text = ctypes.c_char_p
ssl = ctypes.CDLL("libssl.so.3")


def function(name, result, *arguments):
    found = getattr(ssl, name)
    found.restype = result
    found.argtypes = arguments
    return found


method = function("TLS_client_method", pointer)
new_context = function("SSL_CTX_new", pointer, pointer)
new = function("SSL_new", pointer, pointer)
control = function("SSL_ctrl", ctypes.c_long, pointer, number, ctypes.c_long, pointer)
set_fd = function("SSL_set_fd", number, pointer, number)
use_certificate = function("SSL_use_certificate_file", number, pointer, text, number)
use_key = function("SSL_use_PrivateKey_file", number, pointer, text, number)
connect = function("SSL_connect", number, pointer)
renegotiate = function("SSL_renegotiate", number, pointer)
handshake = function("SSL_do_handshake", number, pointer)
write = function("SSL_write", number, pointer, text, number)
read = function("SSL_read", number, pointer, text, number)

_, port, path, *files = sys.argv
one, other = files[:2], files[2:]
connection = socket.create_connection(("127.0.0.1", int(port)), timeout=30)
# OpenSSL waits by itself.
connection.setblocking(True)
session = new(new_context(method()))
control(session, SET_MAX_PROTO_VERSION, TLS_1_2, None)
set_fd(session, connection.fileno())


def show(certificate, key):
    assert use_certificate(session, certificate.encode(), PEM) == 1
    assert use_key(session, key.encode(), PEM) == 1


def ask():
    request = f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode()
    if write(session, request, len(request)) <= 0:
        return "nothing"
    answer = ctypes.create_string_buffer(4096)
    length = read(session, answer, len(answer))
    return answer.raw[: max(length, 0)].decode().split("\r\n")[0] or "nothing"


show(*one)
assert connect(session) == 1
print("first:", ask())
show(*other)
done = renegotiate(session) == 1 and handshake(session) == 1
print("second handshake:", "done" if done else "refused")
print("then:", ask())
