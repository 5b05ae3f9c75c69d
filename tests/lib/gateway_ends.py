"""Checks of crank-gateway: what is cut off looks so, and what hangs ends."""

import select
import socket
import threading
import time

from gateway_world import Client, Server, check, until

# A client can tell from neither that it is not whole, but from a reset. The last one is unpacked for
# a client of HTTP/1.0, and is the same to it.
OPEN_ENDED = {
    "until the end": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\r\nabc"),
    "chunks": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
               b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc"),
    "length": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"Content-Length: 10\r\n\r\nabc"),
    "unpacked chunks": (b"GET / HTTP/1.0\r\n\r\n",
                        b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc"),
}


def begun(gateway, port, request, answer, then):
    """A client that has the beginning of a response whose backend then calls `then`."""
    gate = threading.Event()

    def serve(reader, head):
        reader.send(b"HTTP/1.1 200 OK\r\n" + answer)
        assert gate.wait(30)
        then(reader)
        return False
    server = Server("old", serve)
    gateway.route(server)
    client = Client(port)
    client.send(request)
    client.until(b"abc")
    return client, server, gate


@check
def what_a_backend_breaks_off_is_reset(gateway):
    port = gateway.listen()
    for name, (request, answer) in OPEN_ENDED.items():
        if name != "until the end":
            client, _, gate = begun(gateway, port, request, answer, lambda reader: None)
            gate.set()
            assert client.is_reset(), name
        if "chunks" in name:
            # Chunks that are malformed, while the backend stays.
            client, _, gate = begun(gateway, port, request, answer,
                                    lambda reader: (reader.send(b"xyz\r\n"), reader.rest()))
            gate.set()
            assert client.is_reset(), name


@check
def what_the_grace_breaks_off_is_reset(gateway):
    port = gateway.listen()
    for name, (request, answer) in OPEN_ENDED.items():
        client, server, gate = begun(gateway, port, request, answer, lambda reader: None)
        gateway.route()
        assert gateway.drain(server, 0) == {"ok": True, "cut": 1}, name
        assert client.is_reset(), name
        gate.set()


@check
def what_the_end_of_the_gateway_breaks_off_is_reset(gateway):
    port, raw_port = gateway.listen(), gateway.listen("tcp", "raw:1")
    cut, gates = [], []
    for request, answer in OPEN_ENDED.values():
        client, _, gate = begun(gateway, port, request, answer, lambda reader: None)
        cut.append(client)
        gates.append(gate)

    def upgrade(reader, head):
        reader.send(b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc")
        try:
            reader.more()
        except ConnectionResetError:
            resets.append(1)
        return False
    resets = []
    gateway.route(Server("up", upgrade))
    tunnel = Client(port)
    tunnel.request(fields=["Connection: upgrade", "Upgrade: x"])
    tunnel.until(b"abc")
    raw = Server("raw", raw=lambda connection: (connection.sendall(b"abc"), connection.recv(1)))
    gateway.route(raw, target="raw:1")
    relayed = Client(raw_port)
    relayed.until(b"abc")
    gateway.must({"op": "stop", "grace_ms": 0})
    assert gateway.process.wait(10) == 0
    gateway.over = True
    for client in cut + [tunnel, relayed]:
        assert client.is_reset()
    until(lambda: resets, "the reset at the backend of the tunnel")
    for gate in gates:
        gate.set()


@check
def who_ends_in_order_is_not_reset(gateway):
    """A tunnel whose both sides have ended, and a response to its end."""
    def upgrade(reader, head):
        reader.send(b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc")
        assert reader.rest() == b"bye"
        reader.send(b"x" * 1000000)
        return False
    port = gateway.listen()
    gateway.route(Server("up", upgrade))
    client = Client(port)
    client.request(fields=["Connection: upgrade", "Upgrade: x"])
    client.until(b"abc")
    client.send(b"bye")
    client.connection.shutdown(socket.SHUT_WR)
    assert client.rest() == b"x" * 1000000
    for request, answer in OPEN_ENDED.values():
        whole = answer.replace(b"5\r\nabc", b"3\r\nabc\r\n0\r\n\r\n").replace(b"10", b"3")
        client, _, gate = begun(gateway, port, request, whole, lambda reader: None)
        gate.set()
        client.connection.shutdown(socket.SHUT_WR)
        assert client.rest() in (b"", b"\r\n0\r\n\r\n")


def timers_of(port):
    """Of the connections to or from a port: which timer runs (2: keep-alive), by their local port."""
    timers = {}
    with open("/proc/net/tcp") as file:
        for line in file.readlines()[1:]:
            _, local, remote, state, _, timer = line.split()[:6]
            ports = [int(end.split(":")[1], 16) for end in (local, remote)]
            if port in ports and state == "01":
                timers[ports[0]] = int(timer.split(":")[0])
    return timers


@check
def peers_that_are_gone_are_asked_after(gateway):
    """Both connections of the gateway: the client's and the backend's."""
    for protocol in ("http", "tcp", "auto"):
        server = Server("web")
        port = gateway.listen(protocol)
        gateway.route(server)
        client = Client(port)
        client.get()

        def asked():
            mine = timers_of(port).get(port) == 2
            theirs = [timer for local, timer in timers_of(server.port).items() if local != server.port]
            return mine and theirs == [2]
        # Once what was sent is confirmed, this is the timer that runs.
        until(asked, protocol)


@check
def heads_that_do_not_end_are_ended(gateway):
    """Many clients that send a letter now and then: the others are served, and these have 30 seconds,
    decided already or not."""
    port, http_port = gateway.listen(), gateway.listen("http")
    gateway.route(Server("web"))
    began = time.monotonic()
    slow = [Client(http_port if number % 2 else port) for number in range(600)]
    for client in slow:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
    honest = Client(port)
    honest.send(b"GET / HTTP/1.1\r\nHost: ")
    ended = []
    while slow:
        assert time.monotonic() - began < 60, f"{len(slow)} are still there"
        assert Client(port).get()[2] == b"web"
        over = select.select([client.connection for client in slow], [], [], 2)[0]
        ended += [client for client in slow if client.connection in over]
        slow = [client for client in slow if client.connection not in over]
        for client in slow:
            client.send(b"x")
        if honest and time.monotonic() - began > 10:
            honest.send(b"a\r\n\r\n")
            assert honest.response()[2] == b"web"
            honest = None
    assert time.monotonic() - began >= 29, "they were ended before their time"
    assert all(client.response()[0] == 408 for client in ended)
    assert not honest
