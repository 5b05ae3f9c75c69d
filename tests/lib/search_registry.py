#!/usr/bin/env python3
"""search_registry.py DIR [catalogue|broken]: a registry on loopback that can be searched, and has no images.

Without a second word it has Docker's /v1/search; with `catalogue` /v2/_catalog alone, in two pages; with `broken`
its answers are none. DIR/ports has its port once it listens, DIR/log a line for each request.
"""

import json
import pathlib
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DIR = pathlib.Path(sys.argv[1])
MODE = sys.argv[2] if len(sys.argv) > 2 else "search"
FOUND = [
    {"name": "mailhog", "description": "a mail catcher", "star_count": 700, "is_official": True},
    {"name": "team/mail", "star_count": 7,
     "description": "a mail worker with a description that is longer than anybody wants to read\x1b"},
]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):  # pylint: disable=invalid-name
        with open(DIR / "log", "a", encoding="utf-8") as log:
            log.write(f"GET {self.path}\n")
        if self.path == "/v2/":
            return self.answer(200, b"{}")
        if self.path.startswith("/v1/search") and MODE == "search":
            query = "mail" in self.path
            return self.answer(200, json.dumps({"results": FOUND if query else []}).encode())
        if self.path.startswith("/v1/search") and MODE == "broken":
            return self.answer(200, b'{"results": [{"name": 7}]}' if "mail" in self.path else b"{")
        if self.path.startswith("/v2/_catalog") and MODE == "catalogue":
            if "last=" in self.path:
                return self.answer(200, b'{"repositories": ["mail-archive"]}')
            return self.answer(200, b'{"repositories": ["team/mail", "web"]}',
                               Link='</v2/_catalog?last=web&n=1000>; rel="next"')
        return self.answer(404, b'{"errors": [{"code": "NOT_FOUND"}]}')


with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
    (DIR / "ports.new").write_text(f"{server.server_port}\n")
    (DIR / "ports.new").rename(DIR / "ports")
    server.serve_forever()
