"""Checks of crank-gateway: which requests share connections, and which are sent again."""

import select
import socket
import threading

from gateway_world import Client, Server, check


@check
def what_was_closed_while_idle_is_repeated_once(gateway):
    """A backend that answers once per connection and closes without saying so."""
    def serve(reader, head):
        body = reader.body(head)
        reader.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none" + body)
        return False
    server = Server("closes", serve)
    port = gateway.listen()
    gateway.route(server)
    client = Client(port)
    for number in range(50):
        client.request("GET" if number % 2 else "POST", body=b"" if number % 2 else b"x")
        assert client.response()[0] == 200
    assert len(server.heads) == 50, len(server.heads)


@check
def posts_to_connections_that_close_at_any_moment(gateway):
    """Each body is a number of its own; the backend closes idle connections without a word. Each
    number comes once and is answered: none is sent on a connection that may be closing."""
    def serve(reader, head):
        body = bytes(reader.body(head))
        with lock:
            seen.append(body)
        reader.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        if len(seen) % 3 == 0:
            threading.Timer(0.0005 * (len(seen) % 7), close, (reader.connection,)).start()
        return True

    def close(connection):
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
    lock, seen, wrong, answered = threading.Lock(), [], [], []
    server = Server("closes", serve)
    port = gateway.listen()
    gateway.route(server)

    def post(number):
        try:
            client = Client(port)
            for count in range(300):
                body = b"%d-%d" % (number, count)
                client.request("POST", body=body)
                status, _, answer = client.response()
                assert (status, answer) == (200, body), (status, answer)
                answered.append(body)
        except Exception as error:
            wrong.append(repr(error))
    threads = [threading.Thread(target=post, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong, wrong
    assert len(seen) == len(set(seen)), "a request came twice"
    assert set(answered) == set(seen) and len(seen) == 1200, (len(answered), len(seen))
    # Each on a connection of its own.
    assert server.connections == 1200, server.connections


@check
def a_request_is_never_sent_twice(gateway):
    """A backend that closes without an answer, whether it reads the request or not. What may be
    repeated comes once more, nothing else does."""
    def unread(connection):
        # With bytes unread, so its kernel answers with a reset, and may have confirmed none of them.
        select.select([connection], [], [], 30)
        taken.append(connection.recv(1, socket.MSG_PEEK))
    taken = []
    for server, count in ((Server("silent", lambda reader, head: False), lambda: len(server.heads)),
                          (Server("unread", raw=unread), lambda: len(taken))):
        port = gateway.listen(target=server.name + ":1")
        gateway.route(server, target=server.name + ":1")
        for method, body, times in (("POST", b"x", 1), ("POST", b"", 1), ("PATCH", b"x", 1),
                                    ("PUT", b"x", 1), ("GET", b"", 2), ("DELETE", b"", 2)):
            before = count()
            client = Client(port)
            client.request(method, body=body)
            status, _, text = client.response()
            assert status == 502 and b"closed the connection before it answered" in text, text
            assert count() - before == times, (server.name, method, count() - before)


@check
def only_what_may_be_repeated_shares_connections(gateway):
    server = Server("web")
    port = gateway.listen()
    gateway.route(server)
    client = Client(port)
    for method, body, fresh in (("GET", b"", 1), ("GET", b"", 0), ("DELETE", b"", 0), ("POST", b"x", 1),
                                ("POST", b"", 1), ("PUT", b"x", 1), ("PATCH", b"x", 1), ("GET", b"", 0)):
        before = server.connections
        client.request(method, body=body)
        assert client.response()[2] == b"web" + body
        assert server.connections - before == fresh, (method, body)
