"""A crank-gateway to try, servers to put behind it, and clients that notice everything.

Used by the checks of tests/spec/gateway_process.bats. The gateway gets its control socket as
descriptor 3, as crank gives it.
"""

import json
import os
import resource
import select
import shutil
import socket
import subprocess
import tempfile
import threading
import time

TARGET = "web:8000"


def until(condition, what, seconds=10):
    """Waits for what must come; nothing is measured by it."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"did not come: {what}"
        time.sleep(0.01)


def listener(host="127.0.0.1", backlog=512):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, 0))
    bound.listen(backlog)
    return bound


class Gateway:
    """A running gateway; `ask` is one request on a control connection."""

    def __init__(self, open_files=None):
        # bats removes its directory, whatever becomes of the check
        self.directory = tempfile.mkdtemp(prefix="gateway.", dir=os.environ.get("CRANK_TEST_DIR"))
        self.path = os.path.join(self.directory, "control")
        control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        control.bind(self.path)
        control.listen(16)
        self.log = open(os.path.join(self.directory, "log"), "w+")

        def prepare():
            os.dup2(control.fileno(), 3)
            os.set_inheritable(3, True)
            if open_files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))

        self.process = subprocess.Popen(
            [shutil.which("crank-gateway"), "--name", "trial"], stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log, close_fds=False, preexec_fn=prepare)
        control.close()
        self.over = False  # it has ended as it should

    def server(self):
        """The pid of the process that serves; the other one keeps."""
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return int(file.read().split()[0])

    def connect(self):
        control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        control.settimeout(30)
        control.connect(self.path)
        return control

    def ask(self, request, descriptors=(), control=None):
        mine = control or self.connect()
        text = request if isinstance(request, bytes) else json.dumps(request).encode()
        socket.send_fds(mine, [text], list(descriptors))
        answer = mine.recv(1 << 20)
        if not control:
            mine.close()
        return json.loads(answer)

    def must(self, request, descriptors=()):
        answer = self.ask(request, descriptors)
        assert answer["ok"], (request, answer)
        return answer

    def listen(self, protocol="auto", target=TARGET, host="127.0.0.1"):
        """Returns the port."""
        bound = listener(host)
        port = bound.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        self.must({"op": "listen", "id": f"{shown}:{port}/8000", "target": target,
                   "protocol": protocol}, [bound.fileno()])
        bound.close()
        return port

    def route(self, *servers, target=TARGET, hold_ms=0):
        backends = [{"id": server.name, "address": "127.0.0.1", "port": server.port}
                    for server in servers]
        self.must({"op": "route", "target": target, "backends": backends, "hold_ms": hold_ms})

    def drain(self, server, grace_ms=10000):
        return self.ask({"op": "drain", "backend": server.name, "grace_ms": grace_ms})

    def state(self):
        return self.must({"op": "state"})

    def logged(self):
        self.log.flush()
        with open(self.log.name) as file:
            return file.read()

    def end(self):
        """Ends it, and checks that nothing but this ended it."""
        assert self.process.poll() is None, f"the gateway ended by itself:\n{self.logged()}"
        self.must({"op": "stop", "grace_ms": 0})
        status = self.process.wait(10)
        text = self.logged()
        self.log.close()
        shutil.rmtree(self.directory)
        assert status == 0, (status, text)


class Server:
    """A server of one thread a connection. `serve(connection, request)` answers what `read_head` has
    read, and returns whether the connection goes on."""

    def __init__(self, name, serve=None, raw=None, backlog=512, bound=None):
        self.name = name
        self.socket = bound or listener(backlog=backlog)
        if bound:
            bound.listen(backlog)
        self.port = self.socket.getsockname()[1]
        self.serve = serve or self.answer
        self.raw = raw
        self.connections = 0
        self.heads = []
        self.open = []
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                self.open.append(connection)
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        try:
            if self.raw:
                self.raw(connection)
                return
            reader = Reader(connection)
            while True:
                head = reader.head()
                if head is None:
                    return
                with self.lock:
                    self.heads.append(head)
                if not self.serve(reader, head):
                    return
        except (OSError, EOFError):
            pass
        finally:
            with self.lock:
                if connection in self.open:
                    self.open.remove(connection)
            connection.close()

    def answer(self, reader, head):
        """Its name, and the body that came."""
        body = reader.body(head)
        text = self.name.encode() + body
        reader.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) +
                    (b"" if head.startswith(b"HEAD ") else text))
        return True

    def close(self):
        """As a process that ends: nobody listens, and what is open is closed."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        with self.lock:
            for connection in self.open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


class Reader:
    """HTTP as it comes from a socket."""

    def __init__(self, connection):
        self.connection = connection
        self.data = bytearray()

    def send(self, data):
        self.connection.sendall(data)

    def more(self):
        data = self.connection.recv(65536)
        if not data:
            raise EOFError("the connection was closed")
        self.data += data

    def take(self, count):
        while len(self.data) < count:
            self.more()
        taken = bytes(self.data[:count])
        del self.data[:count]
        return taken

    def until(self, mark):
        while mark not in self.data:
            self.more()
        return self.take(self.data.index(mark) + len(mark))

    def head(self):
        """A head with its empty line; None where the connection ends before it."""
        try:
            return self.until(b"\r\n\r\n")
        except EOFError:
            assert not self.data, self.data
            return None

    def body(self, head, to_head=False):
        fields = fields_of(head)
        if to_head or head.startswith((b"HTTP/1.1 204", b"HTTP/1.1 304", b"HTTP/1.1 1")):
            return b""
        if fields.get(b"transfer-encoding") == b"chunked":
            return self.chunks()
        if b"content-length" in fields:
            return self.take(int(fields[b"content-length"]))
        if head.startswith(b"HTTP/"):
            return self.rest()
        return b""

    def chunks(self):
        body = bytearray()
        while True:
            size = int(self.until(b"\r\n").split(b";")[0], 16)
            if size == 0:
                break
            body += self.take(size)
            assert self.take(2) == b"\r\n"
        self.trailers = b""
        while True:
            line = self.until(b"\r\n")
            if line == b"\r\n":
                return bytes(body)
            self.trailers += line

    def rest(self):
        try:
            while True:
                self.more()
        except EOFError:
            return self.take(len(self.data))


def fields_of(head):
    fields = {}
    for line in head.split(b"\r\n")[1:]:
        name, colon, value = line.partition(b":")
        if colon:
            fields[name.lower()] = value.strip()
    return fields


class Client(Reader):
    def __init__(self, port, host="127.0.0.1"):
        super().__init__(socket.create_connection((host, port), timeout=30))

    def request(self, method="GET", path="/", fields=(), body=b""):
        lines = [f"{method} {path} HTTP/1.1", "Host: example.org", *fields]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def response(self, to_head=False):
        """(status, head, body)"""
        head = self.head()
        assert head, "closed without an answer"
        return int(head.split()[1]), head, self.body(head, to_head)

    def get(self, path="/"):
        self.request(path=path)
        return self.response()

    def is_closed(self):
        """The other side has closed in order, and sends nothing more."""
        return not self.data and self.connection.recv(1) == b""

    def is_reset(self):
        """The other side has cut the connection off, whatever came before."""
        try:
            self.rest()
            return False
        except ConnectionResetError:
            return True

    def is_quiet(self):
        return not self.data and not select.select([self.connection], [], [], 0.05)[0]

    def close(self):
        self.connection.close()


def nobody_listens(port):
    try:
        Client(port)
    except ConnectionRefusedError:
        return True
    return False


def slow(gate):
    """A server's answer that waits for `gate`."""
    def serve(reader, head):
        body = reader.body(head)
        assert gate.wait(30)
        reader.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow" + body)
        return True
    return serve


def ask_in_background(gateway, request):
    """The answer will be in the list."""
    answers = []
    thread = threading.Thread(target=lambda: answers.append(gateway.ask(request)))
    thread.start()
    return thread, answers


def pattern(size):
    return (b"0123456789abcdef" * (size // 16 + 1))[:size]


CHECKS = {}


def check(function):
    CHECKS[function.__name__] = function
    return function
