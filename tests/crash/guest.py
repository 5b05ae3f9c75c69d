#!/usr/bin/env python3
"""guest.py DIRECTORY PROGRAM DISK FIRST COUNT SEED [COMMAND...]: the work-load of the power cuts, run
in the guest. DISK holds an ext4 for the store; behind its end, from byte FIRST on, one block takes a
marker before and after each step, so that whoever replays the writes knows how far crank was.

COMMAND goes before crank's own words: strace, to take its syncs away.
"""

import json
import mmap
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import soundness
from workload import Registry, Workload

MARKER = 16384  # bytes
WORDS = b"crank marker "


class Markers:
    def __init__(self, disk, first):
        # past the page cache: in the log it stands where it was written
        self.fd = os.open(disk, os.O_WRONLY | os.O_DIRECT)
        self.first = first
        self.page = mmap.mmap(-1, MARKER)

    def write(self, **what):
        text = WORDS + json.dumps(what).encode()
        if len(text) > MARKER:
            raise ValueError("a marker that long is not read")
        self.page.seek(0)
        self.page.write(text.ljust(MARKER))
        os.pwrite(self.fd, self.page, self.first)


def read_marker(data):
    return json.loads(data[len(WORDS):]) if data.startswith(WORDS) else None


def main():
    directory, program, disk, first, count, seed, *before = sys.argv[1:]
    scratch = pathlib.Path(tempfile.mkdtemp())
    mounted = scratch / "disk"
    mounted.mkdir()
    subprocess.run(["mount", "-t", "ext4", disk, str(mounted)], check=True)
    markers = Markers(disk, int(first))
    crank = soundness.Crank(program, mounted / "store", scratch / "state")
    crank.program[:0] = before
    registry = Registry(scratch, pathlib.Path(directory) / "registry", 5000, read_only=True)
    work = Workload(crank, directory, registry.host, random.Random(int(seed)), scratch)
    began = time.monotonic()
    number = 0

    def perform(step, action=None):
        nonlocal number
        number += 1
        tags = crank.tags() if number > 1 else {}
        markers.write(number=number, done=False, step=vars(step), tags=tags)
        (action or step.run_on(crank))()
        markers.write(number=number, done=True, step=vars(step), tags=crank.tags())

    work.perform = perform
    work.begin()
    while number < int(count):
        perform(work.next())
    registry.stop()
    print(f"guest: {number} commands in {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
