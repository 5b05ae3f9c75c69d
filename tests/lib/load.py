#!/usr/bin/env python3
"""Requests to an address until standard input ends, by four clients that keep their connections
and four that make a new one each time: load.py HOST PORT [PATH [PAUSE]], with so many seconds between
two requests of a client. Each answer must be whole and of
status 200; nothing is tried again. Prints "begun" with the first answer, a line once so many more requests as a line of
standard input says have been answered, and at the end what was counted, as JSON: the requests, the answers by their text, and what went wrong."""
import collections
import http.client
import json
import socket
import struct
import sys
import threading
import time

HOST, PORT = sys.argv[1], int(sys.argv[2])
PATH = sys.argv[3] if len(sys.argv) > 3 else "/"
PAUSE = float(sys.argv[4]) if len(sys.argv) > 4 else 0
ended = threading.Event()
lock = threading.Lock()
answers = collections.Counter()
failures = []


def answered():
    with lock:
        return sum(answers.values())


def ask(connection):
    connection.request("GET", PATH)
    response = connection.getresponse()
    text = response.read().decode().strip()
    with lock:
        answers[text] += 1
        if response.status != 200:
            failures.append(f"status {response.status}: {text}")
    return response


def client(keeps):
    connection = None
    last = False
    while not last:
        last = ended.wait(PAUSE)
        try:
            if connection is None:
                connection = http.client.HTTPConnection(HOST, PORT, timeout=30)
                connection.connect()
                # No port is left waiting: the tests after this one have theirs among these.
                connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            response = ask(connection)
            # A server may say that it closes; it may not do so without a word.
            if not keeps or response.will_close:
                connection.close()
                connection = None
        except (OSError, http.client.HTTPException) as error:
            with lock:
                failures.append(f"{'kept' if keeps else 'new'}: {type(error).__name__}: {error}")
            connection = None


threads = [threading.Thread(target=client, args=(index < 4,)) for index in range(8)]
for thread in threads:
    thread.start()
while not answers:
    time.sleep(0.01)
print("begun", flush=True)
for line in sys.stdin:
    wanted = answered() + int(line)
    while answered() < wanted:
        time.sleep(0.01)
    print(wanted, flush=True)
ended.set()
for thread in threads:
    thread.join()
print(json.dumps({"requests": sum(answers.values()), "answers": answers,
                  "failed": len(failures), "failures": failures[:5]}))
