#!/usr/bin/env python3
"""Cuts each file that a killed command can leave, at many lengths, and lets the other commands meet it.

usage: half_written.py --bin DIR --scratch DIR [--lengths N]

The states: a `run` killed when its record was written, a `create`, a container that has ended, and one
whose monitor, guard and first process were killed at once. Each file of them is cut to N lengths from 0
on, or is absent; then `ps`, `inspect`, `logs`, `why` and `rm -f` may fail, but neither crash nor hang,
and say why; `ps` works, and what it shows afterwards can be removed by its id. Once its name and its
directories are removed by hand where that failed, nothing of it is left.

Ends with 1 when something was broken, and says what.
"""

import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import fault_run
import faults

DEADLINE = 60
LOOKS = (["ps", "-a"], ["inspect", "faults"], ["logs", "faults"], ["why", "faults"])


class Broken(Exception):
    pass


def call(world, *words, crash_at=None):
    """Status and output; Broken where it crashed or had nothing to say of its failure."""
    environment = dict(os.environ)
    if crash_at:
        environment["CRANK_CRASH_AT"] = crash_at
    with tempfile.TemporaryFile() as said:
        try:
            done = subprocess.run(world.crank(*words), stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                  timeout=DEADLINE, check=False, env=environment)
        except subprocess.TimeoutExpired:
            raise Broken("%s does not end within %d s" % (" ".join(words), DEADLINE)) from None
        said.seek(0)
        text = said.read().decode(errors="replace").strip()
    crashed = done.returncode < 0 and not crash_at
    if crashed or "crank: bug:" in text or "Sanitizer" in text or "runtime error:" in text:
        raise Broken("%s: status %d: %s" % (" ".join(words), done.returncode, text[-2000:]))
    if done.returncode > 0 and not text:
        raise Broken("%s: status %d without a word" % (" ".join(words), done.returncode))
    return done.returncode, text


def must(world, *words):
    status, text = call(world, *words)
    if status != 0:
        raise Broken("%s: status %d: %s" % (" ".join(words), status, text))
    return text


def killed_run(world):
    call(world, "run", "-d", "--name", "faults", "--network", "none", "faults", "/bin/busybox", "true",
         crash_at="run.recorded")


def created(world):
    must(world, "create", "--name", "faults", "faults", "/bin/busybox", "true")


def ended(world):
    must(world, "run", "--name", "faults", "faults", "/bin/busybox", "echo", "hello")


def unwatched(world):
    """All of it killed at once: the monitor is stopped first, so that its guard is the same one."""
    must(world, "run", "-d", "--name", "faults", "--restart", "on-failure:1", "faults", "/bin/busybox",
         "sleep", "1000")
    container = os.readlink(world.root + "/names/faults")
    with open("%s/containers/%s/state" % (world.state, container), encoding="utf-8") as file:
        first, _, monitor = (int(word) for word in file.read().split()[:3])
    guard = None
    while guard is None:
        guard = next((int(pid) for pid in filter(str.isdigit, os.listdir("/proc"))
                      if faults.name_of(pid) == "crank-guard" and parent_of(pid) == monitor), None)
    for pid, number in ((monitor, signal.SIGSTOP), (guard, signal.SIGKILL), (monitor, signal.SIGKILL),
                        (first, signal.SIGKILL)):
        os.kill(pid, number)
    while any(is_alive(pid) for pid in (monitor, guard, first)):
        time.sleep(0.01)


def parent_of(pid):
    try:
        with open("/proc/%s/stat" % pid, encoding="utf-8") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return -1


def is_alive(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


STATES = {"a run that was killed": killed_run, "one that was created": created, "one that has ended": ended,
          "one that nobody watches": unwatched}


class Snapshot:
    """What there is of one container, to be put back as often as is wanted."""

    def __init__(self, world, kept):
        self.places = [world.root + "/containers", world.root + "/names", world.state + "/containers",
                       world.state + "/network/leases"]
        self.kept = kept
        for number, place in enumerate(self.places):
            if os.path.isdir(place):
                subprocess.run(["cp", "-a", place, self.copy(number)], check=True)

    def copy(self, number):
        return "%s/%d" % (self.kept, number)

    def put_back(self):
        for number, place in enumerate(self.places):
            shutil.rmtree(place, ignore_errors=True)
            if os.path.isdir(self.copy(number)):
                subprocess.run(["cp", "-a", self.copy(number), place], check=True)

    def files(self):
        """Records, not the container's own files; their paths, in order."""
        for place in self.places:
            for above, names, files in os.walk(place):
                names[:] = sorted(set(names) - {"upper", "work", "bottom"})
                for name in sorted(files):
                    path = os.path.join(above, name)
                    if name != ".lock" and not os.path.islink(path):
                        yield path


def lengths_of(path, most):
    """None: the file is absent."""
    size = os.path.getsize(path)
    if size <= most:
        return [None, *range(size + 1)]
    return [None, *sorted({size * i // most for i in range(most)} | {1, size - 1})]


def meet(world, path, length):
    if length is None:
        os.unlink(path)
    else:
        os.truncate(path, length)
    for words in LOOKS:
        status, text = call(world, *words)
        if words[0] == "ps" and status != 0:
            raise Broken("ps: status %d: %s" % (status, text))
    call(world, "rm", "-f", "faults")
    for container in must(world, "ps", "-aq", "--no-trunc").split():
        must(world, "rm", "-f", container)


def tidy(world):
    """By hand, what a record that nobody can read has kept."""
    for place in (world.root + "/containers", world.root + "/names", world.state + "/containers",
                  world.state + "/network/leases"):
        shutil.rmtree(place, ignore_errors=True)
    must(world, "ps", "-a")
    for group in fault_run.groups() - world.before:
        if fault_run.is_empty(group):
            for path, _, _ in os.walk(group, topdown=False):
                os.rmdir(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="the directory of crank's programs")
    parser.add_argument("--scratch", required=True, help="an empty directory")
    parser.add_argument("--lengths", type=int, default=12, help="of a file that is longer (12)")
    options = parser.parse_args()
    directory = "%s/half-written.%d" % (pathlib.Path(options.scratch).resolve(), os.getpid())
    os.makedirs(directory)
    world = fault_run.make_world(faults.World, faults.Failure)(str(pathlib.Path(options.bin).resolve()), directory)
    tried, broken = 0, []
    for number, (name, make) in enumerate(STATES.items()):
        world.before = fault_run.groups()
        make(world)
        kept = "%s/kept-%d" % (directory, number)
        os.mkdir(kept)
        snapshot = Snapshot(world, kept)
        for path in list(snapshot.files()):
            snapshot.put_back()
            for length in lengths_of(path, options.lengths):
                snapshot.put_back()
                tried += 1
                try:
                    meet(world, path, length)
                except Broken as failure:
                    broken.append("%s, %s %s: %s" % (name, os.path.basename(path), "absent" if length is None
                                                     else "cut to %d bytes" % length, failure))
                    print(broken[-1], file=sys.stderr, flush=True)
        tidy(world)
        try:
            world.nothing_left()
        except faults.Failure as failure:
            broken.append("%s: %s" % (name, failure))
            print(broken[-1], file=sys.stderr, flush=True)
    world.drop()
    shutil.rmtree(directory, ignore_errors=True)
    print("%d files cut short, %d broken" % (tried, len(broken)))
    return 1 if broken or tried == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
