"""Checks of crank-gateway: backends come and go under requests."""

import socket
import threading
import time

from gateway_world import TARGET, Client, Server, ask_in_background, check, fields_of, slow, until


class Load:
    """Clients that ask without a pause; each answer must come, and from a backend that was routed to
    at some moment between question and answer."""

    def __init__(self, gateway, port, kept, new):
        self.gateway = gateway
        self.port = port
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.routed = []  # (from, until or None, name)
        self.answers = 0
        self.problems = []
        self.threads = [threading.Thread(target=self.run, args=(self.keep,)) for _ in range(kept)]
        self.threads += [threading.Thread(target=self.run, args=(self.renew,)) for _ in range(new)]

    def switch(self, server):
        began = time.monotonic()
        with self.lock:
            self.routed.append([began, None, server.name])
        self.gateway.route(server)
        ended = time.monotonic()
        with self.lock:
            for one in self.routed[:-1]:
                one[1] = one[1] or ended

    def once(self, client, number):
        asked = time.monotonic()
        if number % 3 == 2:
            client.request("POST", body=b"+body")
            status, _, body = client.response()
            assert body.endswith(b"+body"), body
            name = body[:-5].decode()
        else:
            status, _, body = client.get()
            name = body.decode()
        answered = time.monotonic()
        assert status == 200, (status, body)
        with self.lock:
            self.answers += 1
            fits = any(name == routed and began <= answered and (until_ is None or asked <= until_)
                       for began, until_, routed in self.routed)
        assert fits, f"{name} answered while it was not routed to"

    def keep(self):
        client = Client(self.port)
        number = 0
        while not self.over.is_set():
            self.once(client, number)
            number += 1
        client.close()

    def renew(self):
        number = 0
        while not self.over.is_set():
            client = Client(self.port)
            self.once(client, number)
            client.close()
            number += 1

    def run(self, work):
        try:
            work()
        except Exception as error:  # every kind is a lost request
            self.problems.append(repr(error))
            self.over.set()

    def progress(self, more=200):
        start = self.answers
        until(lambda: self.answers > start + more or self.problems, "answers under load", 30)

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join(30)
        assert not self.problems, self.problems


@check
def switch_under_load(gateway):
    port = gateway.listen()
    server = Server("first")
    load = Load(gateway, port, kept=4, new=4)
    load.switch(server)
    for thread in load.threads:
        thread.start()
    for number in range(6):
        load.progress()
        following = Server(f"release-{number}")
        load.switch(following)
        assert gateway.drain(server) == {"ok": True, "cut": 0}
        server.close()
        server = following
    load.progress()
    load.end()
    totals = gateway.state()["totals"]
    assert totals["failed"] == 0 and totals["requests"] >= load.answers, totals
    print(f"{load.answers} answers, {totals['retries']} repeated")


@check
def drain_waits_for_a_slow_request(gateway):
    gate = threading.Event()
    old, new = Server("old", slow(gate)), Server("new")
    port = gateway.listen()
    gateway.route(old)
    client = Client(port)
    client.request()
    until(lambda: old.heads, "the request at the old backend")
    gateway.route(new)
    thread, answers = ask_in_background(
        gateway, {"op": "drain", "backend": "old", "grace_ms": 30000})
    # The others are served meanwhile, clients and those who ask for the state.
    assert Client(port).get()[2] == b"new"
    assert gateway.state()["draining"][0]["active"] == 1
    assert not answers
    gate.set()
    assert client.response()[2] == b"slow"
    thread.join(10)
    assert answers == [{"ok": True, "cut": 0}], answers
    # The connection has not ended, and its next request goes to the new one.
    assert client.get()[2] == b"new"


@check
def drain_waits_for_a_websocket(gateway):
    def serve(reader, head):
        assert fields_of(head)[b"upgrade"] == b"websocket", head
        assert fields_of(head)[b"connection"] == b"upgrade", head
        reader.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                    b"Connection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\nhello")
        while True:
            reader.send(reader.take(4).upper())
    old, new = Server("old", serve), Server("new")
    port = gateway.listen()
    gateway.route(old)
    client = Client(port)
    client.request(fields=["Connection: keep-alive, Upgrade", "Upgrade: websocket",
                           "Sec-WebSocket-Key: y"])
    head = client.head()
    assert head.startswith(b"HTTP/1.1 101 ") and b"Sec-WebSocket-Accept: x" in head, head
    assert fields_of(head)[b"connection"] == b"upgrade", head
    assert client.take(5) == b"hello"
    gateway.route(new)
    thread, answers = ask_in_background(
        gateway, {"op": "drain", "backend": "old", "grace_ms": 30000})
    client.send(b"ping")
    assert client.take(4) == b"PING" and not answers
    client.close()
    thread.join(10)
    assert answers == [{"ok": True, "cut": 0}], answers


@check
def a_client_that_ends_is_told_to_the_backend(gateway):
    def serve(reader, head):
        try:
            reader.more()
        except EOFError:
            reader.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend")
        return False
    old, new = Server("old", serve), Server("new")
    port = gateway.listen()
    gateway.route(old)
    # It still waits for its answer.
    client = Client(port)
    client.request()
    client.connection.shutdown(socket.SHUT_WR)
    assert client.response()[2] == b"end" and client.is_closed()
    # It has gone: nothing keeps the drain.
    gone = Client(port)
    gone.request()
    until(lambda: len(old.heads) == 2, "the request at the old backend")
    gone.close()
    gateway.route(new)
    assert gateway.drain(old, 30000) == {"ok": True, "cut": 0}


@check
def the_grace_cuts_what_is_left(gateway):
    gate = threading.Event()
    old, new = Server("old", slow(gate)), Server("new")
    raw = Server("old", raw=lambda connection: connection.recv(1))
    port, raw_port = gateway.listen(), gateway.listen("tcp", "raw:1")
    gateway.route(old)
    gateway.route(raw, target="raw:1")
    client, relayed = Client(port), Client(raw_port)
    client.request()
    until(lambda: old.heads and raw.open, "both at the old backend")
    gateway.route(new)
    gateway.route(target="raw:1")
    assert gateway.drain(old, 100) == {"ok": True, "cut": 2}
    status, _, body = client.response()
    assert status == 503 and b"web:8000" in body and client.is_closed(), body
    assert relayed.is_reset()
    assert gateway.drain(old, 100) == {"ok": True, "cut": 0}
    assert gateway.state()["draining"] == []
    gate.set()


@check
def a_drain_is_refused_while_it_is_routed_to(gateway):
    gate = threading.Event()
    old, new = Server("old", slow(gate)), Server("new")
    port = gateway.listen()
    gateway.route(old)
    answer = gateway.drain(old)
    assert not answer["ok"] and "old is still routed to" in answer["error"], answer
    client = Client(port)
    client.request()
    until(lambda: old.heads, "the request at the old backend")
    gateway.route(new)
    thread, answers = ask_in_background(
        gateway, {"op": "drain", "backend": "old", "grace_ms": 30000})
    # The state has it as draining from the route on, with or without somebody who waits for it.
    until(lambda: "drains old, 1 open" in gateway.logged(), "the drain")
    assert not answers
    # Back again: nothing is cut.
    gateway.route(old)
    thread.join(10)
    assert "routed to again" in answers[0]["error"], answers
    gate.set()
    assert client.response()[2] == b"slow"


@check
def a_closed_control_connection_leaves_the_drain(gateway):
    gate = threading.Event()
    old, new = Server("old", slow(gate)), Server("new")
    port = gateway.listen()
    gateway.route(old)
    client = Client(port)
    client.request()
    until(lambda: old.heads, "the request at the old backend")
    gateway.route(new)
    asker = gateway.connect()
    asker.send(b'{"op":"drain","backend":"old","grace_ms":2000}')
    until(lambda: gateway.state()["draining"], "the drain")
    asker.close()
    # The grace goes on for what is left.
    assert client.response()[0] == 503
    assert gateway.state()["draining"] == []
    gate.set()


@check
def requests_wait_for_a_backend(gateway):
    server = Server("late")
    port, raw_port = gateway.listen(), gateway.listen("tcp")
    client = Client(port)
    status, _, body = client.get()
    assert (status, body) == (503, b"no backend of web:8000 is running\n"), body
    gateway.route(hold_ms=30000)
    client.request()
    other = Client(raw_port)
    other.request()
    until(lambda: gateway.state()["targets"][0]["waiting"] == 2, "both waiting")
    gateway.route(server)
    assert client.response()[2] == b"late" and other.response()[2] == b"late"
    gateway.route(hold_ms=100)
    status, _, body = client.get()
    assert (status, body) == (503, b"no backend of web:8000 came in time\n"), body
    assert Client(raw_port).is_closed()
    gateway.route(server)
    assert client.get()[2] == b"late"


@check
def not_more_than_1024_wait(gateway):
    port = gateway.listen()
    gateway.route(hold_ms=30000)
    clients = [Client(port) for _ in range(1025)]
    for client in clients:
        client.request()
    until(lambda: gateway.state()["targets"][0]["waiting"] == 1024, "1024 waiting")
    until(lambda: gateway.state()["totals"]["failed"] == 1, "one that is too many")
    server = Server("late")
    gateway.route(server)
    answers = sorted(client.response()[0] for client in clients)
    assert answers == [200] * 1024 + [503], answers[-3:]
    for client in clients:
        client.close()


@check
def a_dead_backend_is_passed_over(gateway):
    dead, alive = Server("dead"), Server("alive")
    dead.close()
    port = gateway.listen()
    gateway.route(dead, alive)
    client = Client(port)
    for _ in range(4):
        assert client.get()[2] == b"alive"
        client.request("POST", body=b"x")
        assert client.response()[2] == b"alivex"
    backends = {one["id"]: one for one in gateway.state()["targets"][0]["backends"]}
    assert backends["dead"]["failures"] >= 1 and "failures" not in backends["alive"], backends
    gateway.route(dead)
    status, head, body = client.get()
    assert (status, body) == (502, b"no backend of web:8000 takes connections\n"), body
    assert b"127.0.0.1" not in head + body
    gateway.route(alive)
    assert client.get()[2] == b"alive"


@check
def many_that_waited_reach_a_short_queue(gateway):
    """A backend whose queue holds one connection: what it cannot take yet asks again."""
    port = gateway.listen()
    gateway.route(hold_ms=60000)
    clients = [Client(port) for _ in range(200)]
    for number, client in enumerate(clients):
        if number % 2:
            client.request("POST", body=b"x")
        else:
            client.request()
    until(lambda: gateway.state()["targets"][0]["waiting"] == 200, "all waiting")
    server = Server("late", backlog=1)
    gateway.route(server, hold_ms=60000)
    for number, client in enumerate(clients):
        status, _, body = client.response()
        assert (status, body) == (200, b"latex" if number % 2 else b"late"), (number, status, body)
    assert len(server.heads) == 200, len(server.heads)


@check
def what_is_refused_asks_until_it_is_taken(gateway):
    """A backend that is routed to before it listens, and more who ask than its queue holds."""
    port = gateway.listen()
    late = socket.socket()
    late.bind(("127.0.0.1", 0))
    backend = {"id": "late", "address": "127.0.0.1", "port": late.getsockname()[1]}
    gateway.must({"op": "route", "target": TARGET, "backends": [backend], "hold_ms": 60000})
    clients = [Client(port) for _ in range(60)]
    for client in clients:
        client.request()
    until(lambda: gateway.state()["targets"][0]["waiting"] >= 59, "all refused, and waiting")
    server = Server("late", bound=late, backlog=5)
    for client in clients:
        assert client.response()[2] == b"late"
    assert len(server.heads) == 60


@check
def weights_are_shares(gateway):
    servers = [Server("a"), Server("b"), Server("none")]
    port = gateway.listen()
    backends = [{"id": server.name, "address": "127.0.0.1", "port": server.port, "weight": weight}
                for server, weight in zip(servers, (9, 1, 0))]
    gateway.must({"op": "route", "target": TARGET, "backends": backends})
    client = Client(port)
    for _ in range(100):
        client.get()
    assert [len(server.heads) for server in servers] == [90, 10, 0]
