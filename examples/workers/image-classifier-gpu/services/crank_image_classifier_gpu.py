"""Reads hand-drawn digits, on a GPU where there is one. It needs nothing but Python 3.11.

    GET  /health    {"status": "ok", "device": "cuda (...)"}
    POST /classify  a PNG, PGM or PPM, or {"pixels": [[...], ...]}
                 -> {"label": "7", "confidence": 0.97, "probabilities": {...}, "device": "..."}

Environment: PORT (default 8503). CERT_DIR: where it holds cert.pem and key.pem, they make this an
HTTPS service. HOST (default 127.0.0.1): without a certificate it must be a loopback address, unless
PLAIN_HTTP=1 says that only a gateway reaches it.
CRANK_DEVICE=cpu leaves a GPU alone. SIGTERM ends it once the requests under way are answered.
"""

import ipaddress
import json
import os
import signal
import socket
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import digit_model
import image_input

NAME = "image-classifier-gpu"
MAX_BODY = 8 << 20
IDLE_SECONDS = 5  # a client that says nothing for so long is dropped; also bounds the draining


def say(text):
    print(f"{NAME}: {text}", file=sys.stderr, flush=True)


class Refusal(Exception):
    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = NAME
    sys_version = ""
    timeout = IDLE_SECONDS

    def do_GET(self):
        if self.path != "/health":
            return self.answer(404, {"error": "no such page; there are /health and /classify"})
        return self.answer(200, {"status": "ok", "device": self.server.network.device})

    def do_POST(self):
        if self.path != "/classify":
            return self.answer(404, {"error": "no such page; there are /health and /classify"})
        try:
            return self.answer(200, self.server.classify(self.body()))
        except image_input.ImageError as problem:
            return self.answer(422, {"error": str(problem)})
        except Refusal as refusal:
            return self.answer(refusal.status, {"error": str(refusal)})

    def body(self):
        length = self.headers.get("content-length", "")
        if self.headers.get("transfer-encoding") or not (length.isascii() and length.isdigit()):
            raise Refusal(411, "a request needs one Content-Length")
        if len(length) > 12 or int(length) > MAX_BODY:
            raise Refusal(413, f"a body of more than {MAX_BODY} bytes")
        data = self.rfile.read(int(length))
        if len(data) < int(length):
            raise Refusal(400, "the body ends too early")
        return data

    def answer(self, status, content):
        text = (json.dumps(content) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Connection", "close")  # so that draining has an end
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format, *args):
        say(f"{self.address_string()} {format % args}")


class Service(ThreadingHTTPServer):
    daemon_threads = False  # server_close() waits for the requests under way
    request_queue_size = 128

    def __init__(self, address, network, tls):
        self.network = network
        self.tls = tls
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, Handler)

    def server_bind(self):
        # HTTPServer's own asks the resolver for this machine's name, which may take seconds.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = NAME, self.server_address[1]

    def finish_request(self, request, client_address):
        """In the client's own thread, so that a slow TLS handshake holds nobody up."""
        request.settimeout(IDLE_SECONDS)
        if self.tls is None:
            return super().finish_request(request, client_address)
        with self.tls.wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)
            wrapped.unwrap()

    def handle_error(self, request, client_address):
        problem = sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1]
        say(f"{client_address[0]}: {type(problem).__name__}: {problem}")

    def classify(self, data):
        cells = digit_model.normalise(image_input.decode(data))
        if cells is None:
            raise image_input.ImageError("a blank image")
        probabilities = self.network.probabilities(cells)
        ranked = sorted(enumerate(probabilities), key=lambda pair: -pair[1])
        return {
            "label": str(ranked[0][0]),
            "confidence": ranked[0][1],
            "probabilities": {str(digit): value for digit, value in ranked},
            "device": self.network.device,
        }


def tls_context():
    """From CERT_DIR, or None where there is no certificate in it."""
    home = os.environ.get("CERT_DIR")
    if not home or not (Path(home) / "cert.pem").exists():
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(Path(home) / "cert.pem", Path(home) / "key.pem")
    except (OSError, ssl.SSLError) as problem:
        sys.exit(f"{NAME}: cannot use the certificate in {home}: {problem}")
    return context


def port():
    text = os.environ.get("PORT") or "8503"
    if not (text.isascii() and text.isdigit()) or len(text) > 5 or not 0 < int(text) < 65536:
        sys.exit(f"{NAME}: PORT is not a port: {text}")
    return int(text)


def is_loopback(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def choose_network():
    network = digit_model.load()
    wish = os.environ.get("CRANK_DEVICE") or "auto"
    if wish not in ("auto", "cpu"):
        sys.exit(f"{NAME}: CRANK_DEVICE is neither auto nor cpu: {wish}")
    if wish == "cpu":
        return network
    network, why_not = digit_model.on_best_device(network)
    if why_not:
        say(f"no GPU: {why_not}")
    return network


def main():
    address = os.environ.get("HOST") or "127.0.0.1", port()
    plain = os.environ.get("PLAIN_HTTP") == "1"
    tls = None if plain else tls_context()
    if tls is None and not plain and not is_loopback(address[0]):
        sys.exit(
            f"{NAME}: no certificate, and HOST is {address[0]}: without one it serves this machine "
            f"alone\nhint: crank certs issue {NAME} --dir ~/.crank/certs, and point CERT_DIR at it"
        )
    try:
        service = Service(address, choose_network(), tls)
    except OSError as problem:
        sys.exit(f"{NAME}: cannot listen on {address[0]}:{address[1]}: {problem.strerror}")

    def end(*_):
        # shutdown() waits for the loop, which this very thread runs.
        threading.Thread(target=service.shutdown).start()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    scheme = "http" if tls is None else "https"
    say(f"{scheme}://{address[0]}:{address[1]} on {service.network.device}")
    service.serve_forever(poll_interval=0.1)
    service.server_close()
    say("ended")


if __name__ == "__main__":
    main()
