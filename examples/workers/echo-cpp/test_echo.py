"""Tests of the program as its clients see it: python3 test_echo.py PROGRAM"""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import unittest

PROGRAM = ""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Echo(unittest.TestCase):
    def setUp(self):
        self.port = free_port()
        self.server = subprocess.Popen(
            [PROGRAM], env={"PORT": str(self.port)}, stderr=subprocess.PIPE, text=True)
        self.assertIn("listening", self.server.stderr.readline())

    def tearDown(self):
        self.server.kill()
        self.server.wait()
        self.server.stderr.close()

    def connect(self, family=socket.AF_INET):
        client = socket.socket(family)
        self.addCleanup(client.close)
        client.settimeout(10)
        client.connect(("::1" if family == socket.AF_INET6 else "127.0.0.1", self.port))
        return client

    def exchange(self, data):
        """What comes back until the server closes its half."""
        with self.connect() as client:
            client.sendall(data)
            answer = b""
            while part := client.recv(65536):
                answer += part
            return answer

    def test_health(self):
        client = http.client.HTTPConnection("127.0.0.1", self.port)
        self.addCleanup(client.close)
        client.request("GET", "/health")
        answer = client.getresponse()
        self.assertEqual((answer.status, answer.read()), (200, b'{"status":"ok"}\n'))
        self.assertEqual(answer.headers["content-type"], "application/json")

    def test_probe(self):
        ask = [PROGRAM, "--probe"]
        self.assertEqual(subprocess.run(ask, env={"PORT": str(self.port)}).returncode, 0)
        nobody = subprocess.run(
            ask, env={"PORT": str(free_port())}, capture_output=True, text=True)
        self.assertEqual(nobody.returncode, 1)
        self.assertIn("connect: Connection refused", nobody.stderr)

    def test_echoes_bodies_of_all_sizes_on_one_connection(self):
        client = http.client.HTTPConnection("127.0.0.1", self.port)
        self.addCleanup(client.close)
        for size in (0, 1, 4095, 4096, 65537, 1 << 20, 8 << 20, 3):
            body = bytes(i % 251 for i in range(min(size, 4096))) * (size // 4096 + 1)
            client.request("POST", "/any", body[:size], {"Content-Type": "text/x"})
            answer = client.getresponse()
            self.assertEqual(answer.read(), body[:size])
            self.assertEqual(answer.headers["content-type"], "text/x")

    def test_pipelined_requests_are_answered_in_order(self):
        one = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"
        last = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n"
        answer = self.exchange(b"".join(one + b"%02d" % i for i in range(50)) + last + b"50")
        bodies = [part.split(b"\r\n\r\n")[1] for part in answer.split(b"HTTP/1.1 200 OK\r\n")[1:]]
        self.assertEqual(bodies, [b"%02d" % i for i in range(51)])

    def test_byte_by_byte(self):
        with self.connect() as client:
            for byte in b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi":
                client.sendall(bytes([byte]))
            self.assertTrue(client.recv(4096).endswith(b"\r\n\r\nhi"))

    def test_ipv6(self):
        try:
            client = self.connect(socket.AF_INET6)
        except OSError as problem:
            self.skipTest(f"no IPv6 here: {problem}")
        with client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            self.assertIn(b"200 OK", client.recv(4096))

    def test_continue(self):
        with self.connect() as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                           b"Expect: 100-continue\r\n\r\n")
            self.assertEqual(client.recv(4096), b"HTTP/1.1 100 Continue\r\n\r\n")
            client.sendall(b"hi")
            self.assertTrue(client.recv(4096).endswith(b"\r\n\r\nhi"))

    def test_head_has_no_body(self):
        answer = self.exchange(b"HEAD /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.assertIn(b"Content-Length: 16\r\n", answer)
        self.assertTrue(answer.endswith(b"\r\n\r\n"))

    def test_bad_requests_are_refused_and_the_connection_ends(self):
        for data, status in (
            (b"nonsense\r\n\r\n", b"400"),
            (b"GET / HTTP/1.1\r\n\r\n", b"400"),
            (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"501"),
            (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8388609\r\n\r\n", b"413"),
            (b"GET / HTTP/1.1\r\nA: " + b"x" * 2_000_000, b"431"),
        ):
            answer = self.exchange(data)
            self.assertTrue(answer.startswith(b"HTTP/1.1 " + status), (data[:40], answer))

    def test_slow_reader_gets_everything(self):
        body = os.urandom(4 << 20)
        with self.connect() as client:
            head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
            sender = threading.Thread(target=client.sendall, args=(head % len(body) + body,))
            sender.start()
            sender.join()
            answer = b""
            while part := client.recv(100_000):
                answer += part
        self.assertEqual(answer.split(b"\r\n\r\n", 1)[1], body)

    def test_sigterm_ends_idle_connections_and_finishes_requests(self):
        with self.connect() as idle, self.connect() as busy:
            idle.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn(b"200 OK", idle.recv(4096))
            busy.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
            self.server.send_signal(signal.SIGTERM)
            self.assertEqual(idle.recv(4096), b"")
            with self.assertRaises(OSError):
                self.connect()
            busy.sendall(b"cd")
            answer = busy.recv(4096)
            self.assertIn(b"Connection: close\r\n", answer)
            self.assertTrue(answer.endswith(b"abcd"))
        self.assertEqual(self.server.wait(timeout=20), 0)

    def test_no_descriptor_left(self):
        self.server.kill()
        self.server.wait()
        self.server.stderr.close()
        self.server = subprocess.Popen(
            ["sh", "-c", 'ulimit -n 12; exec "$0"', PROGRAM], env={"PORT": str(self.port)},
            stderr=subprocess.PIPE, text=True)
        self.assertIn("listening", self.server.stderr.readline())
        clients = [self.connect() for _ in range(20)]
        for client in clients:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        for client in clients:
            self.assertIn(b"200 OK", client.recv(4096))
            client.close()


class BadInput(unittest.TestCase):
    def test_port(self):
        for text in ("x", "65536", "-1", "0"):
            done = subprocess.run([PROGRAM], env={"PORT": text}, capture_output=True, text=True)
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"PORT is not a port: {text}", done.stderr)

    def test_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            done = subprocess.run([PROGRAM], env={"PORT": port}, capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("listen: Address already in use", done.stderr)

    def test_flag(self):
        done = subprocess.run([PROGRAM, "--prob"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("usage:", done.stderr)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main()
