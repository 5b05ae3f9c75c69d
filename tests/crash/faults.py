#!/usr/bin/env python3
"""Lets system calls of `crank-oci` or of `crank` fail, one at a time, and looks at what is left.

Each point is one command (create, start, exec, kill, delete; run, exec, kill, stop, rm), one error, one
kind of call, and the Nth of that kind in each process that the command starts, crank-shim included
(strace's injection). How many there are of each kind a run without a fault tells. Whatever the command
then says, the next commands must work and leave nothing: no mount, group, process, network device or
file. It may neither crash nor hang, and where it fails it says so.

  faults.py --bin DIR [--of run] --seconds N [--seed N]    points at random
  faults.py --bin DIR [--of run] --all [--verb VERB]       every point (--part I/N: every Nth of them)
  faults.py --bin DIR [--of run] --point VERB ERROR CALL N
"""
import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import fault_run

ERRORS = ["ENOMEM", "EIO", "ENOSPC", "EINTR", "EMFILE"]
# What may fail so on a host. EINTR only where a signal can interrupt.
CALLS = ("openat,openat2,mkdir,mkdirat,rename,renameat,renameat2,symlink,symlinkat,unlinkat,rmdir,"
         "read,write,sendmsg,recvmsg,sendto,recvfrom,socket,socketpair,connect,bind,listen,accept4,"
         "pipe2,dup,dup2,dup3,fcntl,memfd_create,ftruncate,getdents64,clone,clone3,fork,vfork,"
         "unshare,setns,mount,umount2,move_mount,open_tree,fsopen,fsconfig,fsmount,mount_setattr,"
         "pivot_root,chdir,fchdir,mknodat,fchmodat,pidfd_open,pidfd_send_signal,epoll_create1,"
         "setresuid,setresgid,setgroups,capset,keyctl,seccomp,prlimit64,sethostname,ioctl,flock")
INTERRUPTED = "read,write,openat,connect,accept4,recvmsg,sendmsg,recvfrom,sendto,flock"
# A descriptor or memory, and nothing to do with a disk.
NO_DISK = "clone,clone3,fork,vfork,unshare,setns,socket,socketpair,pipe2,memfd_create,open_tree,fsopen"
DEADLINE = 30


class Failure(Exception):
    pass


class World:
    """What both kinds of containers have in common: `program`, `root` and `directory` name it, and
    `command(verb)` is what is typed."""

    def run(self, verb):
        """The command as it is; its status and what it says."""
        with tempfile.TemporaryFile() as said:
            done = subprocess.run(self.command(verb), stdin=subprocess.DEVNULL, stdout=said,
                                  stderr=said, timeout=DEADLINE, check=False)
            said.seek(0)
            return done.returncode, said.read().decode(errors="replace")

    def must(self, verb):
        status, said = self.run(verb)
        if status != 0:
            raise Failure("%s afterwards: status %d: %s" % (verb, status, said.strip()))
        return said

    def counted(self, verb):
        """How many calls of each kind the command makes: the most of one process."""
        status, text, lines = self.traced(verb, ["-e", "trace=" + CALLS])
        if status != 0:
            raise Failure("%s without a fault: status %d: %s" % (verb, status, text))
        counts = {}
        for line in lines:
            pid, _, call = line.strip().partition(" ")
            if name := re.match(r"\s*(\w+)\(", call):
                counts[name[1], pid] = counts.get((name[1], pid), 0) + 1
        most = {}
        for (name, _), count in counts.items():
            most[name] = max(most.get(name, 0), count)
        return most

    def faulted(self, verb, call, error, number):
        """Runs it with the fault; whether the fault was met, and its status."""
        status, text, lines = self.traced(
            verb, ["-e", "trace=" + call, "-e", "inject=%s:error=%s:when=%d" % (call, error, number)])
        injected = [line for line in lines if "(INJECTED)" in line]
        # Where the message itself could not be written there is none.
        mute = any(re.search(r"write\(2,", line) for line in injected)
        if status < 0 or "crank: bug:" in text:
            raise Failure("it crashed: status %d: %s" % (status, text))
        if status != 0 and not text and not mute:
            raise Failure("status %d without a word" % status)
        return bool(injected), status

    def traced(self, verb, options):
        """Status, what it said, and the lines of its trace. The tracer is a process of its own (-D):
        the container, which outlives the command, is let go of."""
        log = os.path.join(self.directory, "trace")
        argv = ["strace", "-I", "anywhere", "-D", "-f", "-qq", "-o", log, *options]
        with tempfile.TemporaryFile() as said:
            child = subprocess.Popen(argv + self.command(verb), stdin=subprocess.DEVNULL,
                                     stdout=said, stderr=said, start_new_session=True)
            try:
                child.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                raise Failure("it did not end within %d s" % DEADLINE) from None
            finally:
                self.end_tracer(log)
            said.seek(0)
            text = said.read().decode(errors="replace").strip()
        with open(log, encoding="utf-8", errors="replace") as file:
            return child.returncode, text, list(file)

    @staticmethod
    def end_tracer(log):
        for _ in range(500):
            tracers = [pid for pid in os.listdir("/proc") if pid.isdigit() and is_tracer(pid, log)]
            if not tracers:
                return
            for pid in tracers:
                try:
                    os.kill(int(pid), signal.SIGTERM)
                except ProcessLookupError:
                    pass
            time.sleep(0.01)
        raise Failure("strace does not end")

    def nothing_left(self):
        until = time.monotonic() + 5
        while found := self.left():
            if time.monotonic() > until:
                raise Failure("left behind: " + ", ".join(found))
            time.sleep(0.02)

    def processes_left(self):
        """Of crank's, and whoever sees this directory mounted."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/mountinfo" % pid, encoding="utf-8") as file:
                    # A mount's root is told from the root of its file system on.
                    if os.path.basename(self.directory) in file.read():
                        yield "mount, in process " + pid
            except OSError:
                continue  # it has ended
            if "crank" in name_of(pid) and is_ours(pid, self.directory):
                yield "process %s (%s)" % (pid, name_of(pid))


class OciWorld(World):
    VERBS = ["create", "start", "exec", "kill", "delete"]

    def __init__(self, binaries, directory):
        self.program = os.path.join(binaries, "crank-oci")
        self.directory = directory
        self.root = os.path.join(directory, "oci")
        self.bundle = os.path.join(directory, "bundle")
        self.id = "faults-%d" % os.getpid()
        self.make_bundle()

    def make_bundle(self):
        root = os.path.join(self.bundle, "rootfs")
        for name in ("bin", "proc", "sys", "dev", "tmp", "etc"):
            os.makedirs(os.path.join(root, name))
        shutil.copy("/bin/busybox", os.path.join(root, "bin", "busybox"))
        subprocess.run([self.program, "spec", "--bundle", self.bundle], check=True)
        path = os.path.join(self.bundle, "config.json")
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        config["process"].update(terminal=False, rlimits=[], args=["/bin/busybox", "sleep", "1000"])
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)

    def command(self, verb):
        rest = {"create": ["--bundle", self.bundle, self.id], "start": [self.id],
                "exec": [self.id, "/bin/busybox", "true"], "kill": [self.id, "KILL"],
                "delete": ["--force", self.id], "state": [self.id]}[verb]
        return [self.program, "--root", self.root, verb] + rest

    def left(self):
        """What is there of the container, a line each."""
        found = list(self.processes_left())
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cgroup" % pid, encoding="utf-8") as file:
                    if self.id in file.read():
                        found.append("process " + pid)
            except OSError:
                continue
        for above, names, files in os.walk(self.root):
            if above != self.root and os.path.basename(above) != ".changing":
                found.append("directory " + above)
            found += ["file " + os.path.join(above, name) for name in files]
            found += ["link " + os.path.join(above, name) for name in names
                      if os.path.islink(os.path.join(above, name))]
        for above in ["/sys/fs/cgroup"] + ["/sys/fs/cgroup/" + n for n in os.listdir("/sys/fs/cgroup")]:
            if os.path.isdir(os.path.join(above, "crank-oci", self.id)):
                found.append("cgroup in " + above)
        return found

    def prepare(self, verb):
        if verb != "create":
            self.must("create")
        if verb in ("exec", "kill"):
            self.must("start")

    def check(self, verb, status):
        if verb == "exec" and self.run("state")[1].find('"running"') < 0:
            raise Failure("the container does not run any more")
        # The next command sweeps, and the id is free or removed by it.
        self.must("delete")
        if verb == "create":
            self.must("create")
            self.must("delete")
        self.nothing_left()

    def drop(self):
        self.run("delete")


def name_of(pid):
    try:
        with open("/proc/%s/comm" % pid, encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


def is_tracer(pid, log):
    try:
        with open("/proc/%s/cmdline" % pid, "rb") as file:
            words = file.read().split(b"\0")
    except OSError:
        return False
    return words[0].endswith(b"strace") and log.encode() in words


def is_ours(pid, directory):
    try:
        return any(directory in os.readlink("/proc/%s/fd/%s" % (pid, fd))
                   for fd in os.listdir("/proc/%s/fd" % pid))
    except OSError:
        return False


def may_fail_so(call, error):
    if error == "EINTR":
        return call in INTERRUPTED.split(",")
    return error not in ("EIO", "ENOSPC") or call not in NO_DISK.split(",")


def try_point(world, verb, error, call, number):
    """Whether the fault was met."""
    world.prepare(verb)
    met, status = world.faulted(verb, call, error, number)
    world.check(verb, status)
    return met


def all_points(world, verbs):
    points = []
    for verb in verbs:
        world.prepare(verb)
        counts = world.counted(verb)
        world.check(verb, 0)
        points += [(verb, error, call, number + 1) for error in ERRORS for call in sorted(counts)
                   if may_fail_so(call, error) for number in range(counts[call])]
    return points


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--of", choices=["oci", "run"], default="oci")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--verb", help="with --all: of this one alone")
    parser.add_argument("--part", default="1/1", help="with --all: the Ith of N parts")
    parser.add_argument("--point", nargs=4, metavar=("VERB", "ERROR", "CALL", "N"))
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="crank-faults.")
    world = OciWorld(options.bin, directory) if options.of == "oci" else \
        fault_run.make_world(World, Failure)(options.bin, directory)
    tried = met = 0
    failures = []

    def attempt(verb, error, call, number):
        nonlocal tried, met
        tried += 1
        try:
            met += try_point(world, verb, error, call, number)
        except (Failure, subprocess.TimeoutExpired) as failure:
            failures.append("%s, %s of %s %d: %s" % (verb, error, call, number, failure))
            print(failures[-1], flush=True)
            try:
                world.drop()
            except subprocess.TimeoutExpired:
                failures.append("%s, and it cannot be removed" % failures.pop())

    if options.point:
        verb, error, call, number = options.point
        points = [(verb, error, call, int(number))]
    else:
        points = all_points(world, [options.verb] if options.verb else world.VERBS)
        print("%d points" % len(points), flush=True)
    part, parts = (int(number) for number in options.part.split("/"))
    points = points[part - 1::parts]
    until = time.monotonic() + options.seconds
    if not options.point and not options.all:
        random.Random(options.seed).shuffle(points)
    for point in points:
        if len(failures) >= 20 or (options.seconds and time.monotonic() > until):
            break
        attempt(*point)
    world.drop()
    shutil.rmtree(directory, ignore_errors=True)
    print("%d points, %d faults met, %d failures" % (tried, met, len(failures)))
    return 1 if failures or met == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
