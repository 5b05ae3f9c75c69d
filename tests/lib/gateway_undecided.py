"""Checks of crank-gateway: what a connection speaks is decided by who speaks, not by time."""

import socket

from gateway_world import Client, Server, check, fields_of, until


def open_connections(gateway):
    return gateway.state()["totals"]["open"]


def connected(server, count=1):
    until(lambda: server.connections == count, "the connection that waits for who speaks")


@check
def a_connection_that_is_kept_ready_is_http(gateway):
    """As browsers and pools open them: silent until there is something to ask."""
    old, new = Server("old"), Server("new")
    port = gateway.listen()
    gateway.route(old)
    client = Client(port)
    connected(old)
    assert client.get()[2] == b"old"
    # Requests, not the connection, are led: the next one goes to the new backend.
    gateway.route(new)
    assert client.get()[2] == b"new"
    assert gateway.drain(old) == {"ok": True, "cut": 0}
    totals = gateway.state()["totals"]
    assert (totals["requests"], totals["tunnels"]) == (2, 0), totals


@check
def a_change_moves_who_has_not_spoken(gateway):
    """No drain waits for them, and none is cut."""
    def greet(connection):
        connection.sendall(b"220 hello\r\n")
        connection.recv(1)
    old, new, mail = Server("old"), Server("new"), Server("mail", raw=greet)
    port = gateway.listen()
    gateway.route(old)
    silent, other = Client(port), Client(port)
    connected(old, 2)
    gateway.route(new)
    connected(new, 2)
    assert gateway.drain(old, 60000) == {"ok": True, "cut": 0}
    assert silent.get()[2] == b"new"
    # Nobody has spoken on the other one, so what it speaks may change with its server.
    other.close()
    third = gateway.listen(target="mail:25")
    gateway.route(Server("quiet", raw=lambda connection: connection.recv(1)), target="mail:25")
    waiting = Client(third)
    until(lambda: gateway.state()["targets"][0].get("backends", [{}])[0].get("active") == 1,
          "the connection to the quiet one")
    gateway.route(mail, target="mail:25")
    assert waiting.until(b"\r\n") == b"220 hello\r\n"


@check
def a_partial_request_line_stays_undecided(gateway):
    server = Server("web")
    port = gateway.listen()
    gateway.route(server)
    slow, raw = Client(port), Client(port)
    slow.send(b"GE")
    raw.send(b"HELO")
    # Longer than any silence after which something is done.
    quiet = Client(port)
    connected(server)
    assert open_connections(gateway) == 3
    slow.send(b"T / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert slow.response()[2] == b"web"
    raw.send(b"\r\n\r\n")
    until(lambda: b"HELO\r\n\r\n" in server.heads, "what is no HTTP, as it came")
    assert quiet.get()[2] == b"web"


@check
def the_server_decides_after_a_few_letters(gateway):
    def greet(connection):
        connection.sendall(b"220 hello\r\n")
        assert connection.recv(10) == b"QUIT"
        connection.sendall(b"221 bye\r\n")
    gate = []
    quiet = Server("quiet", raw=lambda connection: (until(lambda: gate, "the word"), greet(connection)))
    port = gateway.listen()
    gateway.route(quiet)
    client = Client(port)
    connected(quiet)
    client.send(b"QUIT")
    assert client.is_quiet()
    gate.append(1)
    assert client.until(b"220 hello\r\n") and client.rest() == b"221 bye\r\n"


@check
def a_slow_hello_is_relayed_where_http_was_seen(gateway):
    """One request in plain HTTP to a port of TLS does not make the next slow client one of HTTP."""
    def echo(connection):
        while data := connection.recv(1000):
            connection.sendall(b"HTTP/1.1 400 X\r\nContent-Length: 0\r\n\r\n" if b"HTTP" in data else data)
    server = Server("tls", raw=echo)
    port = gateway.listen()
    gateway.route(server)
    stray = Client(port)
    stray.request()
    assert stray.response()[0] == 400
    client, marker = Client(port), Client(gateway.listen(target="other:1"))
    gateway.route(other := Server("other"), target="other:1")
    # Both have been silent for as long, and on the other port somebody was asked.
    connected(other)
    assert marker.get()[2] == b"other"
    client.send(b"\x16\x03\x01hello")
    assert client.take(8) == b"\x16\x03\x01hello"


@check
def a_stray_request_does_not_silence_a_server(gateway):
    """A request in HTTP to a server that speaks first: the next clients hear it all the same."""
    def greet(connection):
        connection.sendall(b"220 hello\r\n")
        connection.recv(1)
    port = gateway.listen()
    gateway.route(Server("mail", raw=greet))
    stray = Client(port)
    stray.request()
    assert stray.response()[0] == 502
    assert Client(port).until(b"\r\n") == b"220 hello\r\n"


@check
def an_end_decides_too(gateway):
    """Of the server: as without a gateway. Of the client: the server may have something to say."""
    def late(connection):
        assert connection.recv(1) == b""
        connection.sendall(b"bye")
    closing, talking = Server("closes", raw=lambda connection: None), Server("talks", raw=late)
    port, other = gateway.listen(), gateway.listen(target="talk:1")
    gateway.route(closing)
    gateway.route(talking, target="talk:1")
    assert Client(port).is_closed()
    client = Client(other)
    connected(talking)
    client.connection.shutdown(socket.SHUT_WR)
    assert client.rest() == b"bye"


@check
def who_is_silent_waits_for_a_backend(gateway):
    port = gateway.listen()
    assert Client(port).is_closed()
    gateway.route(hold_ms=30000)
    ready, speaks = Client(port), Client(port)
    until(lambda: open_connections(gateway) == 2, "both connections")
    speaks.request()
    until(lambda: gateway.state()["targets"][0]["waiting"] == 1, "the request that waits")
    server = Server("late")
    gateway.route(server)
    assert speaks.response()[2] == b"late" and ready.get()[2] == b"late"


@check
def a_request_without_a_host_gets_the_published_address(gateway):
    server = Server("web")
    for host, shown in (("127.0.0.1", "127.0.0.1:%d"), ("::1", "[::1]:%d")):
        port = gateway.listen(host=host)
        gateway.route(server)
        client = Client(port, host)
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert client.response()[2] == b"web"
        fields = fields_of(server.heads[-1])
        name = (shown % port).encode()
        assert fields[b"host"] == name and fields[b"x-forwarded-host"] == name, fields
