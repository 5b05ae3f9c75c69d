"""Checks of crank-gateway: connections that are no HTTP."""

import socket
import struct
import time

from gateway_world import Client, Server, check, pattern, until


@check
def tcp_is_relayed_with_its_ends(gateway):
    size = 4 * 1024 * 1024

    def echo(connection):
        """Speaks once it has heard everything, so both ends are passed on."""
        data = b""
        while True:
            got = connection.recv(65536)
            if not got:
                break
            data += got
        connection.sendall(data)
    server = Server("echo", raw=echo)
    tcp, auto = gateway.listen("tcp"), gateway.listen("auto")
    gateway.route(server)
    for port, first in ((tcp, b"GET / HTTP/1.1\r\n\r\n"), (auto, b"\x16\x03\x01hello"),
                        (auto, b"PRI * HTTP/2.0\r\n\r\n"), (auto, b"PING\r\n")):
        client = Client(port)
        client.send(first + pattern(size))
        client.connection.shutdown(socket.SHUT_WR)
        assert client.rest() == first + pattern(size), first


@check
def a_reset_is_passed_on(gateway):
    def reset(connection):
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server = Server("raw", raw=reset)
    port = gateway.listen("tcp")
    gateway.route(server)
    client = Client(port)
    client.send(b"x")
    try:
        client.rest()
        raise AssertionError("an end in order")
    except ConnectionResetError:
        pass
    heard = []

    def listen(connection):
        try:
            heard.append(connection.recv(1))
            heard.append(connection.recv(1))
        except ConnectionResetError:
            heard.append("reset")
    other = Server("other", raw=listen)
    gateway.route(other)
    client = Client(port)
    client.send(b"x")
    until(lambda: heard, "the byte")
    client.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    until(lambda: heard == [b"x", "reset"], "the reset")


@check
def a_server_may_speak_first(gateway):
    def greet(connection):
        connection.sendall(b"220 hello\r\n")
        assert connection.recv(10) == b"QUIT\r\n"
        connection.sendall(b"221 bye\r\n")
    server = Server("mail", raw=greet)
    port = gateway.listen("auto")
    gateway.route(server)
    client = Client(port)
    assert client.until(b"\r\n") == b"220 hello\r\n"
    client.send(b"QUIT\r\n")
    assert client.rest() == b"221 bye\r\n"
    # Where HTTP has been seen, a silent client is one that keeps a connection ready.
    web = Server("web")
    port = gateway.listen("auto", target="web:2")
    gateway.route(web, target="web:2")
    assert Client(port).get()[2] == b"web"
    ready = Client(port)
    until(lambda: gateway.state()["totals"]["open"] >= 1, "the connection")
    time.sleep(0.2)  # longer than the silence after which a server is asked
    assert ready.get()[2] == b"web" and web.connections <= 2
    # The head in pieces is HTTP all the same.
    for byte in b"GET / HTTP/1.1\r\nHost: a\r\n\r\n":
        ready.send(bytes([byte]))
    assert ready.response()[2] == b"web"
