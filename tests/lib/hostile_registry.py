#!/usr/bin/env python3
"""hostile_registry.py DIR [CERT KEY]: a registry on loopback that lies, for the tests alone.

The repository's name says how: /v2/wrong-digest/manifests/1 and so on; `benign` does not lie. With
CERT and KEY it speaks TLS. A second server, `elsewhere`, listens beside it, without TLS. DIR/ports
holds both ports once they listen; DIR/log gets a line for each request: which server, method, path,
Range and Authorization.
"""

import base64
import gzip
import hashlib
import io
import json
import pathlib
import ssl
import sys
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DIR = pathlib.Path(sys.argv[1])
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
LOCK = threading.Lock()
SEEN = {}  # (attack, what) -> how often it was asked for
UPLOADS = {}  # attack -> the bytes of the upload that has begun
LOGIN = "Basic " + base64.b64encode(b"user:pass word").decode()


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def make_tar():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        info = tarfile.TarInfo("file")
        content = hashlib.shake_256(b"content").digest(200_000)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


TAR = make_tar()
BLOB = gzip.compress(TAR, mtime=0)


class Image:
    """The documents of one attack's image."""

    def __init__(self, attack):
        diff_id = digest(b"another tar") if attack == "wrong-diff-id" else digest(TAR)
        diff_ids = [diff_id] * (2 if attack == "layer-count" else 1)
        self.config = json.dumps({
            "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/file"]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode()
        layer = {"mediaType": LAYER, "digest": digest(BLOB), "size": len(BLOB)}
        if attack == "digest-path":
            layer["digest"] = "sha256:../../../../etc/passwd"
        if attack == "foreign-urls":
            layer["urls"] = [f"http://127.0.0.1:{PORTS[1]}/foreign"]
        document = {
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest(self.config),
                       "size": len(self.config)},
            "layers": [layer]}
        if attack == "manifest-and-index":
            document["manifests"] = []
        if attack == "large-manifest":
            document["annotations"] = {"x": "x" * (5 << 20)}
        if attack == "large-config":
            document["config"]["size"] = 5 << 20
        if attack == "twin-keys":
            self.manifest = json.dumps(document).encode().replace(
                b'{"schemaVersion"', b'{"layers": [], "schemaVersion"')
        else:
            self.manifest = json.dumps(document).encode()
        size = len(self.manifest) + (1 if attack == "index-size" else 0)
        self.index = json.dumps({
            "schemaVersion": 2, "mediaType": INDEX,
            "manifests": [{"mediaType": MANIFEST, "digest": digest(self.manifest), "size": size,
                           "platform": {"architecture": "amd64", "os": "linux"}}]}).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    name = "registry"

    def log_message(self, *_):
        pass

    def note(self):
        with LOCK, open(DIR / "log", "a", encoding="utf-8") as log:
            log.write(f"{self.name} {self.command} {self.path} "
                      f"{self.headers.get('Range', self.headers.get('Content-Range', '-'))} "
                      f"{self.headers.get('Authorization', '-')}\n")

    def reply(self, status, body=b"", kind="application/octet-stream", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def redirect(self, to):
        self.reply(307, Location=to)

    def do_GET(self):
        self.note()
        try:
            self.answer()
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True

    do_HEAD = do_GET

    def do_POST(self):
        """An upload begins."""
        self.note()
        attack = self.path.split("/")[2]
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if attack == "push-denied":
            errors = {"errors": [{"code": "DENIED", "message": "no\x1b[2J quota"}]}
            return self.reply(403, json.dumps(errors).encode())
        host = f"http://127.0.0.1:{PORTS[1]}" if attack == "push-elsewhere" else ""
        where = "" if attack == "push-nowhere" else f"{host}/v2/{attack}/blobs/uploads/1?state=x"
        UPLOADS[attack] = b""
        least = {"push-refuses": "12000000", "push-least": "-5"}.get(attack, "0")
        return self.reply(202, Location=where, OCI_Chunk_Min_Length=least)

    def stored(self, attack, status):
        """What is said of an upload: how much of it is there, and where it goes on."""
        size = len(UPLOADS[attack])
        size = {"push-claims": 10 * size, "push-short": size // 2}.get(attack, size)
        host = f"http://127.0.0.1:{PORTS[1]}" if attack == "push-strays" else ""
        return self.reply(status, Range=f"0-{max(size - 1, 0)}",
                          Location=f"{host}/v2/{attack}/blobs/uploads/1?state=y")

    def do_PATCH(self):
        self.note()
        attack = self.path.split("/")[2]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if attack == "push-small" and len(body) > 1 << 20:
            return self.reply(413)
        if int(self.headers["Content-Range"].split("-")[0]) != len(UPLOADS[attack]):
            return self.reply(416)
        UPLOADS[attack] += body
        return self.stored(attack, 202)

    def do_PUT(self):
        self.note()
        attack, kind = self.path.split("/")[2:4]
        size = int(self.headers.get("Content-Length") or 0)
        with LOCK:
            count = SEEN["put", attack, kind] = SEEN.get(("put", attack, kind), 0) + 1
        breaks = ("push-breaks", "push-claims", "push-forgets", "push-short", "push-strays")
        if attack in breaks and kind == "blobs" and count == 1:
            UPLOADS[attack] = self.rfile.read(size // 2)
            self.close_connection = True
            return None
        body = self.rfile.read(size)
        if attack in ("push-refuses", "push-least", "push-small") and kind == "blobs" and size > 1 << 20:
            return self.reply(413)
        if kind == "blobs":
            body = UPLOADS[attack] + body
        if attack == "push-storm" or (attack == "push-recovers" and count <= 2):
            return self.reply(503, Retry_After="0")
        if kind == "blobs" and digest(body) not in self.path.replace("%3a", ":"):
            return self.reply(400)
        stated = digest(b"x") if attack == "push-digest" and kind == "manifests" else digest(body)
        return self.reply(201, Docker_Content_Digest=stated)

    def answer(self):
        parts = self.path.split("?")[0].strip("/").split("/")
        if parts == ["v2"]:
            return self.reply(200)
        if parts[0] == "token":
            ok = self.headers.get("Authorization") in (None, LOGIN)
            return self.reply(200 if ok else 401, b'{"token": "tok"}', "application/json")
        if parts[0] == "loop":
            return self.redirect("/loop")
        if parts[3:4] == ["uploads"] and parts[1] != "push-forgets":
            return self.stored(parts[1], 204)
        if len(parts) == 4 and parts[2] == "referrers":
            return self.referrers(parts[1])
        if len(parts) != 4 or parts[0] != "v2":
            return self.reply(404)
        _, attack, kind, what = parts
        if attack.startswith("push"):
            return self.reply(404)
        with LOCK:
            count = SEEN[attack, what] = SEEN.get((attack, what), 0) + 1
        if self.refused(attack, count):
            return None
        image = Image(attack)
        if kind == "manifests":
            return self.manifest(attack, image, what)
        if what == digest(image.config):
            body = image.config
            if attack == "wrong-config":
                body = body.replace(b"amd64", b"arm64")
            return self.reply(200, body)
        return self.layer(attack, count)

    def refused(self, attack, count):
        """Answers in place of the content: logins and storms."""
        realms = {
            "token": f"{SCHEME}://127.0.0.1:{PORTS[0]}/token",
            "token-http": f"http://127.0.0.1:{PORTS[1]}/token",
            "token-elsewhere": f"https://localhost:{PORTS[0]}/token",
            "token-file": "file:///etc/passwd",
        }
        if attack in realms and self.headers.get("Authorization") != "Bearer tok":
            header = f'Bearer realm="{realms[attack]}",service="s",scope="repository:x:pull"'
            self.reply(401, WWW_Authenticate=header)
        elif attack in ("login", "redirect-login") and self.headers.get("Authorization") != LOGIN:
            self.reply(401, WWW_Authenticate='Basic realm="x"')
        elif attack == "broken-challenge":
            self.reply(401, WWW_Authenticate='Bearer realm="unfinished')
        elif attack == "storm-503":
            self.reply(503)
        elif attack == "storm-429":
            self.reply(429, Retry_After="3600")
        elif attack == "recovers" and count <= 2:
            self.reply(429 if count == 1 else 503, Retry_After="0")
        elif attack == "many-headers":
            self.send_response(200)
            for i in range(90):
                self.send_header(f"X-{i}", "x" * 4000)
            self.end_headers()
        elif attack == "no-http":
            self.wfile.write(b"SSH-2.0-OpenSSH\r\n" * 10)
            self.close_connection = True
        else:
            return False
        return True

    def manifest(self, attack, image, what):
        body, kind = image.manifest, MANIFEST
        if what == "1" and attack in ("index", "index-size", "index-type"):
            body, kind = image.index, INDEX
        elif attack == "index-type":
            kind = "application/vnd.docker.distribution.manifest.v2+json"
        elif attack == "other-type":
            kind = INDEX
        elif attack == "no-type":
            kind = "text/\x1b[2Jhtml"
        stated = digest(b"x") if attack == "stated-digest" else digest(body)
        if attack == "wrong-manifest" and what != "1":
            body = body.replace(b"/file", b"/evil") + b" "
            return self.reply(200, body, kind)
        return self.reply(200, body, kind, Docker_Content_Digest=stated)

    def referrers(self, attack):
        """A list of two pages; or one that is none, or never ends, or goes on elsewhere."""
        def page(kind, size):
            return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
                {"mediaType": MANIFEST, "digest": digest(kind.encode()), "size": size,
                 "artifactType": kind}]}).encode()
        path = self.path.split("?")[0]
        more = {"Link": f'<{path}?page=2>; rel="next"'}
        if attack == "referrers-elsewhere":
            more = {"Link": f'<http://127.0.0.1:{PORTS[1]}/x>; rel="next"'}
        if attack == "referrers-none":
            return self.reply(200, b"<html>", INDEX)
        if attack == "referrers-endless":
            return self.reply(200, page("again", 1), INDEX, **more)
        if not attack.startswith("referrers"):
            return self.reply(404)
        if "page=2" in self.path:
            return self.reply(200, page("application/\x1b[2Jspdx", 2048), INDEX)
        return self.reply(200, page("application/vnd.dev.cosign", 1024), INDEX, **more)

    def layer(self, attack, count):
        body = BLOB
        if attack == "wrong-digest":
            body = body[:-1] + bytes([body[-1] ^ 1])
        elif attack == "longer":
            body += b"x"
        elif attack == "shorter":
            body = body[:-10]
        elif attack == "endless":
            return self.endless()
        elif attack == "slow":
            return self.slow(1, 100)
        elif attack == "patient":
            return self.slow(400, len(BLOB))
        elif attack in ("redirect", "redirect-login"):
            return self.redirect(f"http://127.0.0.1:{PORTS[1]}/v2/elsewhere/blobs/x")
        elif attack == "redirect-loop":
            return self.redirect("/loop")
        elif attack == "redirect-nowhere":
            return self.redirect("gopher://127.0.0.1/x")
        elif attack == "redirect-file":
            return self.redirect("file:///etc/passwd")
        elif attack in ("truncated", "resumed", "restarted", "resume-lies"):
            return self.broken(attack, count)
        return self.reply(200, body)

    def endless(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while True:
            self.wfile.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")

    def slow(self, piece, end):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BLOB)))
        self.end_headers()
        for begin in range(0, end, piece):
            self.wfile.write(BLOB[begin:begin + piece])
            time.sleep(0.1)
        self.close_connection = True

    def broken(self, attack, count):
        """Ends in the middle: always, or until it is asked for the rest."""
        begin = 0
        wanted = self.headers.get("Range")
        if wanted and attack != "restarted":
            begin = int(wanted.removeprefix("bytes=").removesuffix("-"))
        rest = BLOB[begin:]
        shown = begin + 1 if attack == "resume-lies" and begin else begin
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(rest)))
        if begin:
            self.send_header("Content-Range", f"bytes {shown}-{len(BLOB) - 1}/{len(BLOB)}")
        self.end_headers()
        whole = attack != "truncated" and count > 2
        self.wfile.write(rest if whole else rest[:len(rest) // 3] if attack != "truncated" else b"")
        self.close_connection = True


class Elsewhere(Handler):
    name = "elsewhere"

    def answer(self):
        self.reply(200, BLOB)


SERVERS = [ThreadingHTTPServer(("127.0.0.1", 0), one) for one in (Handler, Elsewhere)]
PORTS = [server.server_address[1] for server in SERVERS]
SCHEME = "https" if len(sys.argv) > 2 else "http"
if SCHEME == "https":
    CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CONTEXT.load_cert_chain(sys.argv[2], sys.argv[3])
    SERVERS[0].socket = CONTEXT.wrap_socket(SERVERS[0].socket, server_side=True)
for one in SERVERS:
    one.daemon_threads = True
    threading.Thread(target=one.serve_forever, daemon=True).start()
(DIR / "log").touch()
(DIR / "ports.new").write_text(f"{PORTS[0]} {PORTS[1]}\n")
(DIR / "ports.new").rename(DIR / "ports")
threading.Event().wait()
