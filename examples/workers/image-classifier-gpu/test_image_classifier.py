"""Tests of the digit reader, with nothing but Python: python3 test_image_classifier.py"""

import http.client
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import types
import unittest
import zlib
from pathlib import Path
from unittest import mock

sys.dont_write_bytecode = True

import train  # noqa: E402  (it puts services/ on the path)
import digit_model  # noqa: E402
import image_input  # noqa: E402

SERVICE = Path(__file__).resolve().parent / "services" / "crank_image_classifier_gpu.py"
SEVEN = train.drawings()[7][-1]


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(lines, width, depth=8, kind=0, extra=b"", interlace=0):
    """`lines`: (filter, bytes) of each row."""
    header = struct.pack(">IIBBBBB", width, len(lines), depth, kind, 0, 0, interlace)
    raw = b"".join(bytes([method]) + bytes(row) for method, row in lines)
    return (image_input.PNG_SIGNATURE + chunk(b"IHDR", header) + extra
            + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


def gray_png(rows):
    return png([(0, [round(v * 255) for v in row]) for row in rows], len(rows[0]))


def large(rows, times, ink=1.0, paper=0.0, margin=3):
    """The drawing larger, with a margin, in other brightnesses."""
    width = len(rows[0]) * times + 2 * margin
    wide = [[paper] * margin + [ink if v else paper for v in row for _ in range(times)]
            + [paper] * margin for row in rows for _ in range(times)]
    edge = [[paper] * width for _ in range(margin)]
    return edge + wide + edge


class Accuracy(unittest.TestCase):
    def setUp(self):
        self.pairs, self.held_out = train.split(train.drawings())
        self.network = digit_model.load()

    def test_on_drawings_it_has_not_seen(self):
        known = [rows for _, rows in self.pairs]
        self.assertEqual(len(self.held_out), 20)
        self.assertFalse([digit for digit, rows in self.held_out if rows in known])
        self.assertGreaterEqual(train.accuracy(self.network, self.held_out, 0), 0.9)
        self.assertGreaterEqual(
            train.accuracy(self.network, self.held_out, train.VARIATIONS), 0.9)

    def test_training_gives_the_same_weights_twice(self):
        first = train.train(self.pairs, epochs=1, variations=1)
        second = train.train(self.pairs, epochs=1, variations=1)
        self.assertEqual((first.hidden, first.output), (second.hidden, second.output))

    def test_size_and_colours_do_not_matter(self):
        small = digit_model.normalise(SEVEN)
        for image in (large(SEVEN, 1), large(SEVEN, 9), large(SEVEN, 4, 0.2, 0.9)):
            for a, b in zip(digit_model.normalise(image), small):
                self.assertAlmostEqual(a, b)

    def test_blank_images(self):
        for value in (0.0, 0.5, 1.0):
            self.assertIsNone(digit_model.normalise([[value] * 5] * 5))


class Images(unittest.TestCase):
    def assert_rows(self, data, expected):
        for got, want in zip(image_input.decode(data), expected, strict=True):
            self.assertEqual([round(v, 2) for v in got], want)

    def test_png_colour_types(self):
        palette = chunk(b"PLTE", bytes([0, 0, 0, 255, 255, 255]))
        self.assert_rows(png([(0, [0, 255])], 2), [[0.0, 1.0]])
        self.assert_rows(png([(0, [0b01000000])], 2, depth=1), [[0.0, 1.0]])
        self.assert_rows(png([(0, [0xF0])], 2, depth=4), [[1.0, 0.0]])
        self.assert_rows(png([(0, [255, 0, 0, 0])], 2, depth=16), [[1.0, 0.0]])
        self.assert_rows(png([(0, [255, 255, 255, 255, 0, 0])], 2, kind=2), [[1.0, 0.3]])
        self.assert_rows(png([(0, [1, 0])], 2, kind=3, extra=palette), [[1.0, 0.0]])
        self.assert_rows(png([(0, [0, 255, 0, 0])], 2, kind=4), [[0.0, 1.0]])
        self.assert_rows(png([(0, [0, 0, 0, 255, 0, 0, 0, 0])], 2, kind=6), [[0.0, 1.0]])

    def test_png_filters(self):
        rows = [[10, 20, 30], [15, 25, 40], [10, 20, 60], [7, 9, 90], [4, 250, 3]]
        lines = [(0, rows[0])]
        for method in (1, 2, 3, 4):
            above, row, line = rows[method - 1], rows[method], []
            for i, value in enumerate(row):
                left = row[i - 1] if i else 0
                corner = above[i - 1] if i else 0
                guess = (left, above[i], (left + above[i]) // 2,
                         image_input._paeth(left, above[i], corner))[method - 1]
                line.append((value - guess) & 255)
            lines.append((method, line))
        decoded = image_input.decode(png(lines, 3))
        self.assertEqual([[round(v * 255) for v in row] for row in decoded], rows)

    def test_netpbm(self):
        self.assert_rows(b"P2 2 1 4\n0 4\n", [[0.0, 1.0]])
        self.assert_rows(b"P5\n# a note\n2 1 255\n\x00\xff", [[0.0, 1.0]])
        self.assert_rows(b"P5 1 1 65535\n\xff\xff", [[1.0]])
        self.assert_rows(b"P6 1 1 255\n\xff\x00\x00", [[0.3]])

    def test_json(self):
        self.assert_rows(b'{"pixels": [[0, 255]]}', [[0.0, 1.0]])
        self.assert_rows(b"[[0, 1], [0.5, 0]]", [[0.0, 1.0], [0.5, 0.0]])

    def test_bad_images_are_named(self):
        good = png([(0, [0, 255])], 2)
        bomb = png([(0, [0] * 2048)], 2048)[:33] + chunk(
            b"IDAT", zlib.compress(bytes(50 << 20))) + chunk(b"IEND", b"")
        for data, message in (
            (b"", "not a PNG"),
            (b"GIF89a", "not a PNG"),
            (good[:20], "ends too early"),
            (good[:-12], "ends too early"),
            (good[:30] + b"\x00" + good[31:], "wrong checksum"),
            (image_input.PNG_SIGNATURE + chunk(b"IEND", b""), "without a header"),
            (image_input.PNG_SIGNATURE + chunk(b"IDAT", b""), "without a header"),
            (png([(0, [0])], 1, interlace=1), "interlaced"),
            (png([(0, [0])], 1, depth=3), "colour type 0 and 3 bits"),
            (png([(9, [0])], 1), "filter 9"),
            (png([(0, [0])], 9), "ends too early"),
            (png([(0, [0])], 1, kind=3), "without its palette"),
            (png([(0, [7])], 1, kind=3, extra=chunk(b"PLTE", b"abc")), "outside its palette"),
            (png([(0, [])] * 3, 1 << 20), "pixels (at most"),
            (b"P5 99999 99999 255\n", "pixels (at most"),
            (b"P5 2 2 255\n\x00", "ends too early"),
            (b"P5 2\n", "PNM header"),
            (b"P2 1 1 255\nx", "something else than numbers"),
            (b"P5 1 1 0\n\x00", "greatest value"),
            (b"{", "not JSON"),
            (b"[" * 100_000, "not JSON"),
            (b'{"pixels": 3}', "expected"),
            (b'{"pixels": [[]]}', "0 x 1 pixels"),
            (b'{"pixels": [[1], [1, 2]]}', "different lengths"),
            (b'{"pixels": [["a"]]}', "no number"),
            (b'{"pixels": [[true]]}', "no number"),
            (b'{"pixels": [[-1]]}', "a pixel of -1"),
            (b'{"pixels": [[NaN]]}', "a pixel of nan"),
        ):
            with self.assertRaisesRegex(image_input.ImageError, message.replace("(", r"\(")):
                image_input.decode(data)
        self.assertEqual(len(image_input.decode(bomb)), 1)  # no more than the header promised


class Devices(unittest.TestCase):
    def test_without_torch(self):
        network = digit_model.load()
        with mock.patch("importlib.util.find_spec", return_value=None):
            chosen, why_not = digit_model.on_best_device(network)
        self.assertIs(chosen, network)
        self.assertEqual(why_not, "torch is not installed")

    def test_torch_without_a_device(self):
        torch = types.SimpleNamespace(
            cuda=types.SimpleNamespace(is_available=lambda: False),
            backends=types.SimpleNamespace(mps=types.SimpleNamespace(is_available=lambda: False)))
        network = digit_model.load()
        with mock.patch("importlib.util.find_spec", return_value=object()), mock.patch.dict(
                sys.modules, {"torch": torch}):
            chosen, why_not = digit_model.on_best_device(network)
        self.assertIs(chosen, network)
        self.assertIn("neither a CUDA nor a Metal device", why_not)

    def test_torch_agrees_with_python(self):
        try:
            import torch
        except ImportError:
            self.skipTest("torch is not installed")
        network = digit_model.load()
        places = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])
        places += ["mps"] if torch.backends.mps.is_available() else []
        for place in places:
            moved = digit_model.TorchNetwork(network, torch, place)
            for rows in (drawing for all_rows in train.drawings().values() for drawing in all_rows):
                cells = digit_model.normalise(rows)
                for a, b in zip(moved.probabilities(cells), network.probabilities(cells)):
                    self.assertAlmostEqual(a, b, places=4)


class Running(unittest.TestCase):
    def start(self, **environment):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        clean = {"PATH": os.environ["PATH"], "PORT": str(self.port), "CRANK_DEVICE": "cpu",
                 "PYTHONDONTWRITEBYTECODE": "1"}
        self.service = subprocess.Popen(
            [sys.executable, SERVICE], env=clean | environment, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.stop, self.service)
        return self.service.stderr.readline()

    @staticmethod
    def stop(service):
        service.kill()
        service.wait()
        service.stderr.close()

    def ask(self, method, path, body=None, headers=None, client=None):
        client = client or http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        self.addCleanup(client.close)
        client.request(method, path, body, headers or {})
        answer = client.getresponse()
        return answer.status, json.loads(answer.read())

    def test_classifies_what_clients_send(self):
        said = self.start()
        self.assertIn(f"http://127.0.0.1:{self.port} on cpu (python)", said)
        self.assertEqual(self.ask("GET", "/health"),
                         (200, {"status": "ok", "device": "cpu (python)"}))
        matrix = json.dumps({"pixels": SEVEN}).encode()
        for image in (gray_png(large(SEVEN, 4)), matrix):
            status, answer = self.ask("POST", "/classify", image)
            self.assertEqual((status, answer["label"]), (200, "7"))
            self.assertGreater(answer["confidence"], 0.5)
        for image, message in ((b"hello", "not a PNG"), (b"[[1, 1]]", "a blank image")):
            status, answer = self.ask("POST", "/classify", image)
            self.assertEqual(status, 422)
            self.assertIn(message, answer["error"])
        self.assertEqual(self.ask("GET", "/other")[0], 404)
        self.assertEqual(self.ask("POST", "/health", b"")[0], 404)
        self.assertEqual(self.ask("POST", "/classify", headers={"Content-Length": "-1"})[0], 411)
        self.assertEqual(
            self.ask("POST", "/classify", headers={"Content-Length": str(9 << 20)})[0], 413)

    def test_sigterm_answers_what_is_under_way(self):
        self.start()
        body = json.dumps({"pixels": SEVEN}).encode()
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as client:
            client.sendall(b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
                           b"Expect: 100-continue\r\n\r\n" % len(body))
            self.assertIn(b"100 Continue", client.recv(4096))  # now it is under way
            self.service.send_signal(signal.SIGTERM)
            client.sendall(body)
            self.assertIn(b"200 OK", client.recv(65536))
        self.assertEqual(self.service.wait(timeout=20), 0)

    def test_https_with_a_certificate(self):
        with tempfile.TemporaryDirectory() as certs:
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-addext",
                 "subjectAltName=IP:127.0.0.1", "-keyout", f"{certs}/key.pem", "-out",
                 f"{certs}/cert.pem"], check=True, capture_output=True)
            self.assertIn("https://", self.start(CERT_DIR=certs))
            trust = ssl.create_default_context(cafile=f"{certs}/cert.pem")
            client = http.client.HTTPSConnection("127.0.0.1", self.port, context=trust)
            self.assertEqual(self.ask("GET", "/health", client=client)[0], 200)
            with socket.create_connection(("127.0.0.1", self.port), timeout=20) as plain:
                plain.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                try:
                    self.assertNotIn(b"200", plain.recv(4096))
                except ConnectionResetError:
                    pass  # as good an answer
            client = http.client.HTTPSConnection("127.0.0.1", self.port, context=trust)
            self.assertEqual(self.ask("GET", "/health", client=client)[0], 200)

    def test_bad_settings_are_named(self):
        with tempfile.TemporaryDirectory() as certs:
            (Path(certs) / "cert.pem").write_text("no certificate")
            for environment, message in (
                ({"PORT": "x"}, "PORT is not a port: x"),
                ({"PORT": "65536"}, "PORT is not a port: 65536"),
                ({"HOST": "0.0.0.0"}, "no certificate, and HOST is 0.0.0.0"),
                ({"CRANK_DEVICE": "tpu"}, "neither auto nor cpu: tpu"),
                ({"CERT_DIR": certs}, "cannot use the certificate"),
            ):
                self.assertIn(message, self.start(**environment))
                self.assertEqual(self.service.wait(timeout=20), 1)

    def test_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.assertIn(f"cannot listen on 127.0.0.1:{port}: Address already in use",
                          self.start(PORT=str(port)))


if __name__ == "__main__":
    unittest.main()
