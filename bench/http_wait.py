"""Asks a port until it answers with a text: how long that took."""

import socket
import time

DEADLINE = 60
PAUSE = 0.002


def ask(port, path):
    """The whole answer, or nothing where there is none yet."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    answer = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(request)
            while part := connection.recv(65536):
                answer += part
    except OSError:
        return ""
    return answer.decode("latin-1")


def until(port, path, text, begin):
    """Seconds since `begin` until `text` stands in an answer with status 200."""
    while time.monotonic() - begin < DEADLINE:
        answer = ask(port, path)
        if answer[8:13] == " 200 " and text in answer:
            return time.monotonic() - begin
        time.sleep(PAUSE)
    raise RuntimeError(f"port {port} did not answer with '{text}' within {DEADLINE} s")
