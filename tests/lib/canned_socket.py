#!/usr/bin/env python3
"""Answers HTTP requests on a unix socket with the bytes of files, as they are.

usage: canned_socket.py SOCKET DIRECTORY

The answer to "GET /a/b" is DIRECTORY/a_b; without such a file the connection is closed.
"""

import os
import pathlib
import socketserver
import sys


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        target = self.rfile.readline().split()[1].decode()
        while self.rfile.readline().strip():
            pass
        answer = pathlib.Path(sys.argv[2], target.strip("/").replace("/", "_"))
        if answer.exists():
            try:
                self.wfile.write(answer.read_bytes())
            except BrokenPipeError:
                pass


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


with Server(sys.argv[1] + ".new", Handler) as server:
    os.rename(sys.argv[1] + ".new", sys.argv[1])  # whoever sees it can connect
    server.serve_forever()
