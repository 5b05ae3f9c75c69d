"""Checks of crank-gateway: who tells it what to do, and its own life."""

import json
import os
import signal
import socket
import threading
import time

from gateway_world import Client, Server, ask_in_background, check, listener, nobody_listens, slow, until


CONTROL_ERRORS = {
    b"": None,
    b"x": "the request is no JSON",
    b"[]": "the request is no JSON object",
    b"{}": "the request lacks op",
    b'{"op":1}': "the request: op is no text",
    b'{"op":"lisen"}': 'unknown operation "lisen"',
    b'{"op":"state","x":1}': 'state: unknown field "x"',
    b'{"op":"listen","target":"a:1"}': "listen lacks id",
    b'{"op":"listen","id":"a","target":"a:1"}': "listen a: 0 descriptors came with it, one is wanted",
    b'{"op":"listen","id":"a","target":"a:1","protocol":"udp"}':
        'listen: protocol is "udp", not auto, http or tcp',
    b'{"op":"listen","id":"a b","target":"a:1"}': "listen: id has a blank or a control character",
    b'{"op":"unlisten","id":"a"}': "unlisten: there is no listener a",
    b'{"op":"route","target":"a:1"}': "route: backends is no list",
    b'{"op":"route","target":"a:1","backends":[1]}': "route: backends[0] is no object",
    b'{"op":"route","target":"a:1","backends":[{"id":"x","address":"host","port":1}]}':
        "route: backends[0]: address is no IP address",
    b'{"op":"route","target":"a:1","backends":[{"id":"x","address":"::1","port":65536}]}':
        "route: backends[0]: port is no number from 1 to 65535",
    b'{"op":"route","target":"a:1","backends":[{"id":"x","address":"::1","port":1,"weight":-1}]}':
        "route: backends[0]: weight is no number from 0 to 1000000",
    b'{"op":"route","target":"a:1","backends":[{"id":"x","address":"::1","port":1,"w":1}]}':
        'route: backends[0]: unknown field "w"',
    b'{"op":"route","target":"a:1","backends":[{"id":"x","address":"::1","port":1},'
    b'{"id":"x","address":"::1","port":1}]}':
        "route: backends names x twice with one address and port",
    b'{"op":"route","target":"a:1","backends":[],"hold_ms":1.5}':
        "route: hold_ms is no number from 0 to 86400000",
    b'{"op":"drain","backend":""}': "drain: backend is empty or too long",
    b'{"op":"stop","grace_ms":"1"}': "stop: grace_ms is no number from 0 to 86400000",
    b"[" * 65536: "the request is no JSON",
    b"x" * 65537: "the request is longer than 65536 bytes, or has more than 8 descriptors",
}


def open_files(gateway):
    return len(os.listdir(f"/proc/{gateway.server()}/fd"))


@check
def control_says_what_is_wrong(gateway):
    control = gateway.connect()
    control.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    gateway.ask({"op": "state"}, control=control)
    before = open_files(gateway)
    for request, error in CONTROL_ERRORS.items():
        if error is None:
            continue
        answer = gateway.ask(request, control=control)
        assert answer == {"ok": False, "error": error}, (request[:80], answer)
    listen = {"op": "listen", "id": "a", "target": "a:1"}
    plain = socket.socket()
    web = listener()
    pipe = os.pipe()
    for request, descriptors, error in (
            (listen, [plain.fileno()], "listen a: the socket does not listen"),
            (listen, [pipe[0]], "listen a: the descriptor is no TCP socket"),
            (listen, [web.fileno()] * 2, "listen a: 2 descriptors came with it, one is wanted"),
            (listen, [web.fileno()] * 9,
             "the request is longer than 65536 bytes, or has more than 8 descriptors"),
            ({"op": "state"}, [web.fileno()], "a descriptor came with an operation that takes none")):
        answer = gateway.ask(request, descriptors, control)
        assert answer == {"ok": False, "error": error}, answer
    # None of theirs stays open.
    state = gateway.ask({"op": "state"}, control=control)
    assert state["listeners"] == [] and state["version"], state
    for _ in range(20):
        gateway.ask(listen, [pipe[0]], control)
    assert open_files(gateway) == before


@check
def who_asks_may_be_killed(gateway):
    """At any moment: nothing of theirs is left, and nobody else notices."""
    port = gateway.listen()
    gateway.route(Server("web"))
    before = open_files(gateway)
    for number in range(50):
        child = os.fork()
        if child == 0:
            control = gateway.connect()
            while True:
                control.send(b'{"op":"state"}')
                if number % 2:
                    control.recv(1 << 20)
        control = gateway.connect()
        assert gateway.ask({"op": "state"}, control=control)["ok"]
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        control.close()
    assert Client(port).get()[2] == b"web"
    until(lambda: open_files(gateway) <= before + 4, "their connections closed")


@check
def another_user_is_sent_away(gateway):
    os.chmod(gateway.directory, 0o755)
    os.chmod(gateway.path, 0o777)
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        answer = gateway.connect().recv(1000)
        os._exit(0 if answer == b'{"ok":false,"error":"this gateway is another user\'s"}' else 1)
    assert os.waitpid(child, 0)[1] == 0


@check
def without_descriptors_it_waits(gateway):
    server = Server("web")
    port = gateway.listen("http")
    gateway.route(server)
    clients = [Client(port) for _ in range(100)]

    def ticks():
        with open(f"/proc/{gateway.server()}/stat") as file:
            return sum(int(word) for word in file.read().rsplit(")")[1].split()[11:13])
    before = ticks()
    for _ in range(3):
        time.sleep(0.3)  # a loop that does not wait would use all of it
    assert ticks() - before < 45, "it spins"
    for client in clients[:90]:
        client.close()
    for client in clients[90:]:
        assert client.get()[2] == b"web"


without_descriptors_it_waits.settings = {"open_files": 60}


@check
def clients_leave_descriptors_for_those_who_control_it(gateway):
    """Clients that take all they can get, with requests and silent: crank is served all the same."""
    gate = threading.Event()
    server, new = Server("web", slow(gate)), Server("new")
    port, other = gateway.listen("http"), gateway.listen("auto")
    gateway.route(server)
    clients = [Client(port) for _ in range(60)] + [Client(other) for _ in range(60)]
    for client in clients[:60]:
        client.request()
    for _ in range(3):
        before = open_files(gateway)
        held = [gateway.connect() for _ in range(5)]
        for control in held:
            assert gateway.ask({"op": "state"}, control=control)["ok"]
        # Also what comes with a descriptor.
        added = gateway.listen("http", "more:1")
        assert open_files(gateway) >= before + 6 or before > 50, (before, open_files(gateway))
        gateway.must({"op": "unlisten", "id": f"127.0.0.1:{added}/8000"})
        for control in held:
            control.close()
    gateway.route(new)
    assert gateway.drain(server, 0)["ok"]
    gate.set()
    assert open_files(gateway) <= 80 - 12, open_files(gateway)


clients_leave_descriptors_for_those_who_control_it.settings = {"open_files": 80}


@check
def the_state_of_many_backends_is_one_packet(gateway):
    for target in range(4):
        gateway.must({"op": "route", "target": f"service-{target}.of-a-long-project-name:8000",
                      "backends": [{"id": f"{target:04x}{number:060x}", "address": f"10.89.{target}.{number}",
                                    "port": 8000} for number in range(200)]})
    control = gateway.connect()
    control.send(b'{"op":"state"}')
    answer = control.recv(1 << 20)
    assert len(answer) < 200 * 1024, len(answer)
    state = json.loads(answer)
    assert [len(target["backends"]) for target in state["targets"]] == [200] * 4
    assert state["targets"][3]["backends"][199] == {
        "id": f"{3:04x}{199:060x}", "address": "10.89.3.199", "port": 8000}


@check
def its_log_is_bounded(gateway):
    for _ in range(400):
        gateway.must({"op": "route", "target": "a:1", "backends": []})
    lines = gateway.logged().splitlines()
    assert 50 < len(lines) < 380, len(lines)
    gateway.must({"op": "stop", "grace_ms": 0})
    assert gateway.process.wait(10) == 0
    gateway.over = True
    assert "lines were left out" in gateway.logged(), gateway.logged()[-300:]


@check
def a_listener_is_replaced_and_closed(gateway):
    first, second = Server("first"), Server("second")
    gateway.route(first, target="first:1")
    gateway.route(second, target="second:1")
    bound = listener()
    port = bound.getsockname()[1]
    name = f"127.0.0.1:{port}"
    gateway.must({"op": "listen", "id": name, "target": "first:1"}, [bound.fileno()])
    kept = Client(port)
    assert kept.get()[2] == b"first"
    gateway.must({"op": "listen", "id": name, "target": "second:1", "protocol": "http"},
                 [bound.fileno()])
    bound.close()
    assert Client(port).get()[2] == b"second"
    listed = gateway.state()["listeners"]
    assert listed == [{"id": name, "target": "second:1", "protocol": "http"}], listed
    gateway.must({"op": "unlisten", "id": name})
    assert nobody_listens(port), "somebody listens"
    # Connections go on.
    assert kept.get()[2] == b"first"


@check
def stop_waits_and_cuts(gateway):
    gate = threading.Event()
    server = Server("web", slow(gate))
    port = gateway.listen()
    gateway.route(server)
    idle, busy = Client(port), Client(port)
    idle.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
    busy.request()
    until(lambda: server.heads, "the request")
    thread, answers = ask_in_background(gateway, {"op": "stop", "grace_ms": 30000})
    until(lambda: "stops" in gateway.logged(), "the stop")
    answer = gateway.ask({"op": "route", "target": "a:1", "backends": []})
    assert answer == {"ok": False, "error": "the gateway stops"}, answer
    assert not answers
    gate.set()
    status, head, body = busy.response()
    assert body == b"slow", body
    # It was begun, so it is answered; then the connection ends.
    idle.send(b"\r\n")
    assert idle.response()[2] == b"slow" and idle.is_closed() and busy.is_closed()
    thread.join(10)
    assert answers == [{"ok": True, "cut": 0}], answers
    assert gateway.process.wait(10) == 0
    gateway.over = True


@check
def signals(gateway):
    gate = threading.Event()
    server = Server("web", slow(gate))
    port = gateway.listen()
    gateway.route(server)
    client = Client(port)
    gateway.process.send_signal(signal.SIGHUP)
    gateway.process.send_signal(signal.SIGPIPE)
    os.kill(gateway.server(), signal.SIGHUP)
    os.kill(gateway.server(), signal.SIGPIPE)
    client.request()
    until(lambda: server.heads, "the request")
    gateway.process.send_signal(signal.SIGTERM)
    until(lambda: "stops" in gateway.logged(), "the stop")
    gate.set()
    assert client.response()[2] == b"slow"
    assert gateway.process.wait(10) == 0
    gateway.over = True


@check
def it_is_confined(gateway):
    gateway.state()
    gateway.state()  # it serves, so it has done it
    with open(f"/proc/{gateway.server()}/status") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[name], 16) == 0, status
    assert status["Threads"] == "1", status
