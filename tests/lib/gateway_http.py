"""Checks of crank-gateway: what it makes of HTTP, and what it refuses."""

import socket
import struct
import threading

from gateway_world import Client, Server, check, fields_of, pattern, until


def exchange(port, request):
    """All that comes back for some bytes, until the end."""
    client = Client(port)
    client.send(request)
    return client.rest()


HOST = b"Host: a\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
SMUGGLED = {
    "both lengths": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n" + CHUNKED +
                    b"\r\n0\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "list of lengths": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1, 1\r\n\r\nx",
    "length with a sign": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +1\r\n\r\nx",
    "empty length": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length:\r\n\r\n",
    "huge length": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 18446744073709551617\r\n\r\nx",
    "folded line": b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n",
    "blank first line": b"GET / HTTP/1.1\r\n X: a\r\n" + HOST + b"\r\n",
    "bare line feed": b"GET / HTTP/1.1\n" + HOST + b"\r\n",
    "bare line feed in a field": b"GET / HTTP/1.1\r\n" + HOST + b"X: a\nY: b\r\n\r\n",
    "bare carriage return": b"GET / HTTP/1.1\r\n" + HOST + b"X: a\rY: b\r\n\r\n",
    "blank before the colon": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length : 1\r\n\r\nx",
    "empty name": b"GET / HTTP/1.1\r\n" + HOST + b": x\r\n\r\n",
    "no colon": b"GET / HTTP/1.1\r\n" + HOST + b"x\r\n\r\n",
    "NUL": b"GET / HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n",
    "coding after chunked": b"POST / HTTP/1.1\r\n" + HOST +
                            b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked twice": b"POST / HTTP/1.1\r\n" + HOST + CHUNKED + CHUNKED + b"\r\n0\r\n\r\n",
    "like chunked": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "vertical tab": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "empty coding": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding:\r\n\r\n",
    "chunks in HTTP/1.0": b"POST / HTTP/1.0\r\n" + HOST + CHUNKED + b"\r\n0\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\n" + HOST + b"Host: b\r\n\r\n",
    "host with a path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "two blanks": b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n",
    "no path": b"GET x HTTP/1.1\r\n" + HOST + b"\r\n",
    "no version": b"GET /\r\n" + HOST + b"\r\n",
}
BAD_CHUNKS = {
    "no size": b"\r\n", "no hexadecimal": b"x\r\n", "sign": b"+1\r\nx\r\n", "prefix": b"0x1\r\nx\r\n",
    "blank": b"1 \r\nx\r\n", "huge": b"11111111111111111\r\nx", "bare line feed": b"1\nx\r\n",
    "too long": b"1\r\nxx\r\n", "line feed after data": b"1\r\nx\n",
    "line feed in an extension": b"1;a\nb\r\nx\r\n",
    "trailer that frames": b"0\r\nContent-Length: 3\r\n\r\n", "trailer without a colon": b"0\r\nx\r\n\r\n",
}


@check
def what_could_be_read_in_two_ways_is_refused(gateway):
    server = Server("web")
    port = gateway.listen("http")
    gateway.route(server)
    after = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    for name, request in SMUGGLED.items():
        answer = exchange(port, request + after)
        assert answer.startswith(b"HTTP/1.1 400 "), (name, answer)
        assert b"\r\nConnection: close\r\n" in answer and answer.count(b"HTTP/1.1") == 1, (name, answer)
    assert not server.heads, server.heads
    for name, body in BAD_CHUNKS.items():
        answer = exchange(port, b"POST / HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n" + body + after)
        assert answer.startswith(b"HTTP/1.1 400 "), (name, answer)
    assert not any(b"/smuggled" in head for head in server.heads), server.heads
    for request, status in ((b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\n", b"405"),
                            (b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", b"505"),
                            (b"POST / HTTP/1.1\r\n" + HOST +
                             b"Transfer-Encoding: gzip, chunked\r\n\r\n", b"501"),
                            (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 65536, b"431"),
                            (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 256 + b"\r\n", b"431")):
        answer = exchange(port, request)
        assert answer.startswith(b"HTTP/1.1 " + status), (status, answer)
    assert gateway.state()["totals"]["refused"] == len(SMUGGLED) + len(BAD_CHUNKS) + 5


BAD_ANSWERS = {
    "both lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "folded line": b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
    "bare line feed": b"HTTP/1.1 200 OK\nX: a\n\n",
    "NUL": b"HTTP/1.1 200 O\0K\r\n\r\n",
    "no HTTP": b"SSH-2.0-x\r\n\r\n",
    "a protocol nobody asked for": b"HTTP/1.1 101 x\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "endless head": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70000,
}


@check
def a_backends_answer_is_read_as_strictly(gateway):
    current = []

    def serve(reader, head):
        reader.send(current[0])
        return False
    server = Server("web", serve)
    port = gateway.listen()
    gateway.route(server)
    for name, answer in BAD_ANSWERS.items():
        current[:] = [answer]
        status, _, body = Client(port).get()
        assert status == 502 and b"web:8000" in body and b"127.0.0.1" not in body, (name, body)


@check
def a_body_that_is_cut_off_is_not_completed(gateway):
    current = []

    def serve(reader, head):
        reader.send(current[0])
        if current[0].endswith(b"reset"):
            reader.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            until(lambda: seen.is_set(), "the client has what was sent")
        return False
    server = Server("web", serve)
    port = gateway.listen()
    gateway.route(server)
    seen = threading.Event()
    for answer in (b"Content-Length: 10\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
                   b"\r\nreset"):
        current[:] = [b"HTTP/1.1 200 OK\r\n" + answer]
        seen.clear()
        client = Client(port)
        client.request()
        client.head()
        if answer.endswith(b"reset"):
            client.take(5)
            seen.set()
        assert client.is_reset(), answer


@check
def framing_of_every_kind(gateway):
    answers = {
        b"/length": b"Content-Length: 3\r\n\r\nabc", b"/empty": b"Content-Length: 0\r\n\r\n",
        b"/chunked": b"Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n1;e=1\r\na\r\n2\r\nbc\r\n"
                     b"0\r\nX-Sum: 3\r\n\r\n",
        b"/204": b"\r\n", b"/304": b"Content-Length: 3\r\n\r\n", b"/close": b"\r\nabc"}

    def serve(reader, head):
        path = head.split()[1]
        status = path[1:] if path[1:].isdigit() else b"200"
        answer = b"HTTP/1.1 " + status + b" X\r\n" + answers[path]
        if head.startswith(b"HEAD "):
            answer = answer[:answer.index(b"\r\n\r\n") + 4]
        reader.send(answer)
        return path != b"/close"
    server = Server("web", serve)
    port = gateway.listen()
    gateway.route(server)
    client = Client(port)
    for path, body in (("/length", b"abc"), ("/empty", b""), ("/chunked", b"abc"), ("/204", b""),
                       ("/304", b""), ("/length", b"abc")):
        assert client.get(path)[2] == body, path
        if path == "/chunked":
            assert client.trailers == b"X-Sum: 3\r\n", client.trailers
    for path in ("/length", "/chunked", "/304"):
        client.request("HEAD", path)
        assert client.response(to_head=True)[0] in (200, 304)
    # All at once, answered in order.
    client.send(b"".join(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path
                         for path in (b"/length", b"/chunked", b"/204", b"/empty", b"/close")))
    assert [client.response()[2] for _ in range(5)] == [b"abc", b"abc", b"", b"", b"abc"]
    # A client of HTTP/1.0 knows no chunks.
    old = exchange(port, b"GET /chunked HTTP/1.0\r\n\r\n")
    assert old.endswith(b"\r\n\r\nabc") and b"chunked" not in old.split(b"\r\n\r\n")[0], old
    client = Client(port)
    for _ in range(2):
        client.send(b"GET /length HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        _, head, body = client.response()
        assert body == b"abc" and fields_of(head)[b"connection"] == b"keep-alive", head


@check
def heads_as_backends_see_them(gateway):
    server = Server("web")
    port = gateway.listen()
    gateway.route(server)
    client = Client(port)
    client.request(fields=[
        "Connection: x-mine, X-Forwarded-For, Host", "X-Mine: 1", "Keep-Alive: 1", "TE: trailers, gzip",
        "Proxy-Connection: x", "Upgrade: h2c", "HTTP2-Settings: x", "X-Forwarded-For: 10.0.0.1",
        "X-Forwarded-Proto: https", "Cookie: a=b"])
    client.response()
    head = server.heads[-1]
    fields = fields_of(head)
    assert head.startswith(b"GET / HTTP/1.1\r\nHost: example.org\r\n"), head
    assert fields[b"x-forwarded-for"] == b"10.0.0.1, 127.0.0.1", head
    assert fields[b"x-forwarded-proto"] == b"https" and fields[b"x-forwarded-host"] == b"example.org"
    assert fields[b"te"] == b"trailers" and fields[b"connection"] == b"TE", head
    assert fields[b"cookie"] == b"a=b", head
    for name in (b"x-mine", b"keep-alive", b"proxy-connection", b"upgrade", b"http2-settings"):
        assert name not in fields, head
    client.send(b"GET http://other.example/x?y HTTP/1.1\r\nHost: a\r\n\r\n")
    client.response()
    assert server.heads[-1].startswith(b"GET /x?y HTTP/1.1\r\nHost: other.example\r\n"), server.heads
    six = gateway.listen(host="::1")
    Client(six, "::1").get()
    assert fields_of(server.heads[-1])[b"x-forwarded-for"] == b"::1", server.heads[-1]


@check
def continue_is_asked_for_and_passed_on(gateway):
    def serve(reader, head):
        assert fields_of(head)[b"expect"] == b"100-continue", head
        if b"/refuse" in head:
            reader.send(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n")
            return False
        reader.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = reader.body(head)
        reader.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        return True
    server = Server("web", serve)
    port = gateway.listen()
    gateway.route(server)
    client = Client(port)
    head = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    client.send(head)
    assert client.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"abc")
    assert client.response()[2] == b"abc"
    client.send(head.replace(b"/ ", b"/refuse "))
    status, head, _ = client.response()
    assert status == 417 and fields_of(head)[b"connection"] == b"close" and client.is_closed(), head


@check
def an_answer_before_the_request_is_whole(gateway):
    def serve(reader, head):
        reader.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
        return False
    server = Server("web", serve)
    port = gateway.listen()
    gateway.route(server)
    client = Client(port)
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
    status, head, body = client.response()
    assert (status, body) == (413, b"big"), head
    assert fields_of(head)[b"connection"] == b"close", head
    # What it still sends is thrown away; the answer is not taken back by a reset.
    client.send(b"x" * 100000)
    assert client.is_closed()


@check
def large_bodies_both_ways_within_bounds(gateway):
    """Neither side is read faster than the other takes it."""
    size = 64 * 1024 * 1024
    gate = threading.Event()

    def serve(reader, head):
        assert gate.wait(30)
        body = reader.body(head)
        assert body == pattern(size)
        reader.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, size, 1 << 20):
            reader.send(b"100000\r\n" + body[at:at + (1 << 20)] + b"\r\n")
        reader.send(b"0\r\n\r\n")
        return True
    server = Server("web", serve)
    port = gateway.listen()
    gateway.route(server)
    client = Client(port)
    sender = threading.Thread(
        target=lambda: client.request("POST", body=pattern(size)))
    sender.start()
    until(lambda: server.heads, "the head at the backend")
    gate.set()
    sender.join(60)
    assert client.response()[2] == pattern(size)
    with open(f"/proc/{gateway.server()}/status") as file:
        peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    assert peak < 20 * 1024, f"{peak} kB"
