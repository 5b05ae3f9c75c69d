#!/usr/bin/env python3
"""chunked_registry.py DIR: a registry on loopback of layers in zstd:chunked, for the tests alone.

Tag 1 of each repository is an image of 100 files, tag 2 another that has 90 of them. The repository's
name says what is wrong with tag 2; nothing is with `honest`. DIR/ports holds the port once it
listens; DIR/log gets a line for each request: method, path, Range, status, bytes sent.
"""

import base64
import functools
import hashlib
import io
import json
import pathlib
import struct
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DIR = pathlib.Path(sys.argv[1])
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
PREFIX = "io.github.containers.zstd-chunked."
LOCK = threading.Lock()
SEEN = {}  # (repository, what) -> how often it was asked for


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def frame(data):
    """A zstd frame of raw blocks (RFC 8878, 3.1.1)."""
    out = struct.pack("<IBI", 0xFD2FB528, 0xA0, len(data))
    blocks = [data[i:i + 0x20000] for i in range(0, len(data), 0x20000)] or [b""]
    for i, block in enumerate(blocks):
        head = (len(block) << 3) | (i == len(blocks) - 1)
        out += struct.pack("<I", head)[:3] + block
    return out


def skippable(data):
    return struct.pack("<II", 0x184D2A50, len(data)) + data


def content(version, number):
    """The last but one of each ten files differs in the second image."""
    seed = f"{number} {version if number % 10 == 8 else 1}"
    return hashlib.shake_256(seed.encode()).digest(20_000 + number)


def make_tar(version, attack):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for directory in ("usr/", "usr/lib/"):
            info = tarfile.TarInfo(directory)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)
        for number in range(100):
            name = "../evil" if attack == "dots" and number == 99 else f"usr/lib/{number:03}"
            data = content(version, number)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


class Layer:
    """The blob of a tar, its table and its tar-split, as the attack has them."""

    def __init__(self, version, attack):
        self.tar = make_tar(version, attack)
        entries, records, blob, at, segment = [], [], bytearray(), 0, b""
        with tarfile.open(fileobj=io.BytesIO(self.tar)) as tar:
            for info in tar:
                head = self.tar[at:info.offset_data]
                segment += head
                blob += frame(head)
                at = info.offset_data
                if not info.isfile():
                    entries.append({"type": "dir", "name": info.name + "/", "mode": info.mode})
                    continue
                data = self.tar[at:at + info.size]
                begin, at = len(blob), at + info.size
                blob += frame(data)
                entries.append({
                    "type": "reg", "name": info.name, "size": info.size, "digest": digest(data),
                    "offset": begin, "endOffset": len(blob), "xattrs": {}})
                name = "../" + info.name if attack == "split-dots" else info.name
                records.append({"type": 2, "payload": base64.b64encode(segment).decode()})
                records.append({"type": 1, "name": name, "size": info.size})
                segment = b""
        segment += self.tar[at:]
        blob += frame(self.tar[at:])
        records.append({"type": 2, "payload": base64.b64encode(segment).decode()})
        self.finish(attack, entries, records, blob)

    def finish(self, attack, entries, records, blob):
        files = [entry for entry in entries if entry["type"] == "reg"]
        if attack == "lying-table":  # everything is said to be as it was
            for number, entry in enumerate(files):
                entry["digest"] = digest(content(1, number))
        if attack == "overlapping":
            files[50]["offset"] = files[49]["offset"]
        if attack == "endless":
            files[99]["endOffset"] = 1 << 62
        split = frame("".join(json.dumps(record) + "\n" for record in records).encode())
        stated = digest(b"x") if attack == "wrong-split" else digest(split)
        table = {"version": 1, "entries": entries, "tarSplitDigest": stated}
        if attack == "no-split-digest":
            del table["tarSplitDigest"]
        text = b"[" * 1000 if attack == "no-table" else json.dumps(table).encode()
        table, size = frame(text), len(text)
        begin = len(blob) + 8
        blob += skippable(table)
        split_begin = len(blob) + 8
        blob += skippable(split)
        self.blob = blob + skippable(struct.pack(
            "<7Q8s", begin, len(table), size, 1, split_begin, len(split), 0, b"GNUlInUx"))
        size = {"two-gigabytes": 2 << 30, "bomb": size // 2}.get(attack, size)
        checksum = digest(b"x") if attack == "wrong-checksum" else digest(table)
        self.annotations = {
            PREFIX + "manifest-checksum": checksum,
            PREFIX + "manifest-position": f"{begin}:{len(table)}:{size}:1",
            PREFIX + "tarsplit-position": f"{split_begin}:{len(split)}:{len(split)}"}
        if attack == "plain":
            self.annotations = {}


@functools.cache
class Image:
    def __init__(self, version, attack):
        self.layer = Layer(version, attack if version == 2 else "honest")
        self.config = json.dumps({
            "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/x"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(self.layer.tar)]}}).encode()
        blob = self.layer.blob
        self.digest = digest(blob)
        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
                       "digest": digest(self.config), "size": len(self.config)},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+zstd",
                        "digest": self.digest, "size": len(blob),
                        "annotations": self.layer.annotations}]}).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body, kind="application/octet-stream", **headers):
        with LOCK, open(DIR / "log", "a", encoding="utf-8") as log:
            log.write(f"{self.command} {self.path} {self.headers.get('Range', '-')} {status} "
                      f"{len(body)}\n")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        length = headers.pop("Length", len(body))
        self.send_header("Content-Length", str(length))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        if length != len(body):
            self.close_connection = True

    def do_GET(self):
        parts = self.path.split("?")[0].strip("/").split("/")
        if parts == ["v2"]:
            return self.reply(200, b"")
        if len(parts) != 4:
            return self.reply(404, b"")
        _, attack, kind, what = parts
        images = [Image(1, attack), Image(2, attack)]
        if kind == "manifests":
            for version, image in enumerate(images, 1):
                if what in (str(version), digest(image.manifest)):
                    return self.reply(200, image.manifest, MANIFEST)
        for image in images:
            if what == digest(image.config):
                return self.reply(200, image.config)
            if what == image.digest:
                return self.blob(attack, image.layer.blob)
        return self.reply(404, b"")

    do_HEAD = do_GET

    def blob(self, attack, blob):
        wanted = self.headers.get("Range", "")
        if not wanted or attack == "no-ranges":
            return self.reply(200, blob)
        ranges = [part.split("-") for part in wanted.removeprefix("bytes=").split(",")]
        ranges = [(int(first), int(last or len(blob) - 1) + 1) for first, last in ranges]
        with LOCK:
            count = SEEN[attack] = SEEN.get(attack, 0) + 1
        if attack == "one-range" and len(ranges) > 1:
            return self.reply(200, blob)
        # The first request is for the tables.
        lies = attack if count > 1 else ""
        if lies == "other-order":
            ranges.reverse()
        if lies == "fewer-ranges":
            ranges.pop()
        body = b""
        for begin, end in ranges:
            part = blob[begin:end]
            if lies == "changed-range":
                part = part[:-100] + bytes(100)
            shown = begin + (1 if lies == "other-range" else 0)
            where = f"bytes {shown}-{end - 1}/{len(blob)}"
            if len(ranges) == 1:
                return self.reply(206, part, Content_Range=where)
            body += f"\r\n--x\r\nContent-Range: {where}\r\n\r\n".encode() + part
        body += b"\r\n--x--\r\n"
        kind = "multipart/byteranges; boundary=x"
        if attack == "broken" and count == 2:
            return self.reply(206, body[:len(body) // 2], kind, Length=len(body))
        return self.reply(206, body, kind)


SERVER = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
SERVER.daemon_threads = True
threading.Thread(target=SERVER.serve_forever, daemon=True).start()
(DIR / "log").touch()
(DIR / "ports.new").write_text(f"{SERVER.server_address[1]}\n")
(DIR / "ports.new").rename(DIR / "ports")
threading.Event().wait()
