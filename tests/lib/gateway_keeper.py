"""Checks of crank-gateway: its process that serves may be killed, and another takes its place."""

import os
import signal
import subprocess
import threading

from gateway_world import Client, Server, check, nobody_listens, slow, until


def kill_server(gateway):
    """Kills it, and waits for the next one."""
    before = gateway.server()
    os.kill(before, signal.SIGKILL)
    until(lambda: serves_after(gateway, before), "the next one that serves")


def serves_after(gateway, before):
    try:
        return gateway.server() != before and gateway.state()["ok"]
    except (IndexError, ConnectionResetError, BrokenPipeError):
        return False
    except ValueError:
        return False  # the answer of one that was killed is empty


def watched(gateway, server):
    process = subprocess.Popen(["sleep", "1000"])
    pidfd = os.pidfd_open(process.pid)
    gateway.must({"op": "watch", "backend": server.name, "address": "127.0.0.1"}, [pidfd])
    os.close(pidfd)
    return process


@check
def what_serves_may_be_killed(gateway):
    """No connection is refused, and all that was asked of it is still in force."""
    web, gone = Server("web"), Server("gone")
    port, raw_port = gateway.listen(), gateway.listen("tcp", target="raw:1")
    gateway.route(web, hold_ms=7)
    gateway.route(gone, target="raw:1")
    gateway.listen(target="closed:1")
    closed = next(one["id"] for one in gateway.state()["listeners"] if one["target"] == "closed:1")
    life, death = watched(gateway, web), watched(gateway, gone)
    death.kill()
    until(lambda: "container gone has ended" in gateway.logged(), "the end of gone")

    def listeners():
        return sorted(one["id"] for one in gateway.state()["listeners"])
    gateway.must({"op": "unlisten", "id": closed})
    before = listeners(), [one["hold_ms"] for one in gateway.state()["targets"]]
    over, problems, answers = threading.Event(), [], []

    def ask_again_and_again():
        while not over.is_set():
            try:
                answers.append(Client(port).get()[2])
            except ConnectionRefusedError as error:
                problems.append(error)
            except (ConnectionResetError, AssertionError):
                pass  # it was on its way when what served was killed
    asking = threading.Thread(target=ask_again_and_again)
    asking.start()
    for _ in range(4):
        kill_server(gateway)
        asked = len(answers)
        until(lambda: len(answers) > asked + 5, "answers")
    over.set()
    asking.join(30)
    assert not problems, problems
    assert (listeners(), [one["hold_ms"] for one in gateway.state()["targets"]]) == before
    assert gateway.logged().count("container gone has ended") == 5, gateway.logged()
    assert Client(raw_port).rest() == b"", "it was led to a container that has ended"
    life.kill()
    until(lambda: "container web has ended" in gateway.logged(), "the end of web")
    assert "was ended by SIGKILL: another one takes its place" in gateway.logged()
    for process in life, death:
        process.wait()


@check
def what_was_changed_since_is_in_force_too(gateway):
    """Only the last word counts, and a listener that is closed stays so."""
    old, new = Server("old"), Server("new")
    port = gateway.listen()
    gateway.route(old)
    kill_server(gateway)
    gateway.route(new)
    kill_server(gateway)
    assert Client(port).get()[2] == b"new"
    kept = Client(port)
    assert kept.get()[2] == b"new"
    gateway.must({"op": "unlisten", "id": gateway.state()["listeners"][0]["id"]})
    kill_server(gateway)
    assert gateway.state()["listeners"] == []
    assert nobody_listens(port), "somebody listens"


@check
def who_waits_for_a_drain_is_told_that_it_ended(gateway):
    gate = threading.Event()
    old, new = Server("old", slow(gate)), Server("new")
    port = gateway.listen()
    gateway.route(old)
    client = Client(port)
    client.request()
    until(lambda: old.heads, "the request at the old backend")
    gateway.route(new)
    asker = gateway.connect()
    asker.send(b'{"op":"drain","backend":"old","grace_ms":30000}')
    until(lambda: "drains old, 1 open" in gateway.logged(), "the drain")
    kill_server(gateway)
    try:
        assert asker.recv(1000) == b""
    except ConnectionResetError:
        pass
    # Nothing goes through it any more.
    assert gateway.drain(old) == {"ok": True, "cut": 0}
    gate.set()


@check
def the_end_of_the_keeper_is_the_end_of_both(gateway):
    port = gateway.listen()
    server = gateway.server()
    gateway.process.kill()
    gateway.process.wait()
    gateway.over = True
    until(lambda: not os.path.exists(f"/proc/{server}"), "the end of what served")
    assert nobody_listens(port), "somebody listens"
