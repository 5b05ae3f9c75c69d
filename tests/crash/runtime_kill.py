#!/usr/bin/env python3
"""kill -9 at random moments of run, create, start, exec, kill, stop, delete and rm, and what is left.

usage: runtime_kill.py --bin DIR --scratch DIR [--kills N] [--seed S] [--seconds N] [--evidence FILE]

Each round lets one command of `crank` or `crank-oci` begin, and kills at a random moment of it: the
command, the shim or monitor, its guard, both of these, the container's init, or its worker. Afterwards
  - no command hangs, and `ps`, `inspect` and `exec` of what is said to run succeed;
  - what is shown can be removed, and the name and the port can be used again;
  - no mount, group, namespace, process, network device, lease or file is left.
Victims and moments come from the seed. Ends with 1 when something was broken, and says what.
"""

import argparse
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import evidence  # noqa: E402 (after its directory is known)
import fault_run
import faults

ENOUGH = 20  # broken kills that are worth going on for
DEADLINE = 30
# Who is killed: the command, one of its processes by the beginning of its name, both that watch, or the
# worker, which has any name.
VICTIMS = {"command": 4, "shim": 3, "crank-monitor": 3, "crank-guard": 1, "watchers": 2, "crank-init": 2,
           "worker": 2}
SHIM_NAMES = ("crank-shim", "crank-starter", "crank-monitor", "memfd:crank-shim", "4", "3")


class RunKind:
    """What `crank` does; half of the containers remove themselves."""
    STEPS = {"run": 5, "run --rm": 3, "run in front": 2, "exec": 2, "kill": 1, "stop": 2, "rm": 2}

    def __init__(self, world):
        self.world = world

    def command(self, step):
        world = self.world
        publish = ["-p", "127.0.0.1:%d:80" % world.port]
        if step == "run in front":
            return world.crank("run", "--rm", "--name", "faults", *publish, "faults", "/bin/busybox",
                               "usleep", "30000")
        if step == "run --rm":
            return world.crank("run", "-d", "--rm", "--name", "faults", *publish, "faults",
                               "/bin/busybox", "sleep", "1000")
        return world.command(step)

    def prepare(self, step):
        if not step.startswith("run"):
            self.world.must("run")

    def check(self, _step):
        world = self.world
        running = world.must("state").split()
        for container in world.must("ps").split():
            try:
                must(world.crank("inspect", container))
            except faults.Failure:
                # One that removes itself may have done so just now.
                if container in world.must("ps").split():
                    raise
        if running and subprocess.run(world.crank("exec", "faults", "/bin/busybox", "true"), check=False,
                                      timeout=DEADLINE, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            # It may have ended just now.
            if world.must("state").split():
                raise faults.Failure("what runs cannot be entered")
        world.must("rm")
        for container in world.must("ps").split():
            must(world.crank("rm", "-f", container))
        world.must("run")
        world.must("rm")
        world.nothing_left()


class OciKind:
    """What `crank-oci` does."""
    STEPS = {"create": 4, "start": 2, "exec": 2, "kill": 1, "delete": 3}

    def __init__(self, world):
        self.world = world

    def command(self, step):
        return self.world.command(step)

    def prepare(self, step):
        self.world.prepare(step)

    def check(self, _step):
        world = self.world
        world.must("delete")
        world.must("create")
        world.must("start")
        world.must("delete")
        world.nothing_left()


def must(words):
    # No pipe: the container's process may have it for as long as it lives.
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                              timeout=DEADLINE, check=False)
        said.seek(0)
        if done.returncode != 0:
            raise faults.Failure("%s: status %d: %s" % (
                " ".join(words[-3:]), done.returncode, said.read().decode(errors="replace").strip()))


def choose(chooser, weighted):
    return chooser.choices(list(weighted), list(weighted.values()))[0]


def belongs(pid, directory):
    """Whether it works on this campaign's directory, or sees it mounted."""
    try:
        with open("/proc/%s/mountinfo" % pid, encoding="utf-8") as file:
            if os.path.basename(directory) in file.read():
                return True
    except OSError:
        return False
    return "crank" in faults.name_of(pid) and faults.is_ours(pid, directory)


def victims_of(kind, directory, command):
    """The pids to kill now."""
    if kind == "command":
        return [command]
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) in (os.getpid(), command) or not belongs(pid, directory):
            continue
        name = faults.name_of(pid)
        is_wanted = {"shim": name in SHIM_NAMES, "worker": not name.startswith("crank"),
                     "watchers": name in ("crank-monitor", "crank-guard")}.get(kind, name == kind)
        if is_wanted:
            found.append(int(pid))
    return found if kind == "watchers" else found[:1]


class Campaign:
    def __init__(self, options):
        self.seed = options.seed
        self.random = random.Random(options.seed)
        scratch = str(pathlib.Path(options.scratch).resolve())
        binaries = str(pathlib.Path(options.bin).resolve())
        self.kinds = []
        for name, make in (("oci", faults.OciWorld),
                           ("run", fault_run.make_world(faults.World, faults.Failure))):
            directory = "%s/crank-kill-%s.%d" % (scratch, name, os.getpid())
            os.makedirs(directory)
            world = make(binaries, directory)
            self.kinds.append((RunKind if name == "run" else OciKind)(world))
        self.typical = {}  # seconds by step
        self.count = self.missed = 0
        self.by_victim, self.by_step = {}, {}
        self.broken = []

    def measure(self):
        """How long each command takes when nobody is killed."""
        for kind in self.kinds:
            kind.world.before = fault_run.groups()
            for step in kind.STEPS:
                kind.prepare(step)
                began = time.monotonic()
                must(kind.command(step))
                self.typical[step] = time.monotonic() - began
                kind.check(step)

    def round(self):
        kind = self.random.choice(self.kinds)
        step = choose(self.random, kind.STEPS)
        kind.world.before = fault_run.groups()
        kind.prepare(step)
        delay = self.random.random() * self.typical[step]
        victim = choose(self.random, VICTIMS)
        with open(kind.world.directory + "/said", "w+b") as said:
            child = subprocess.Popen(kind.command(step), stdin=subprocess.DEVNULL, stdout=said,
                                     stderr=said, start_new_session=True)
            try:
                hit = self.kill_after(delay, victim, kind.world.directory, child)
                child.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                raise faults.Failure("it did not end within %d s" % DEADLINE) from None
            finally:
                child.kill()
                child.wait()
        where = "%s, %s killed after %.4f s" % (step, victim if hit else "nobody", delay)
        try:
            kind.check(step)
        except (faults.Failure, subprocess.TimeoutExpired) as failure:
            raise faults.Failure("%s: %s" % (where, failure)) from None
        self.missed += not hit
        if hit:
            self.count += 1
            self.by_victim[victim] = self.by_victim.get(victim, 0) + 1
            self.by_step[step] = self.by_step.get(step, 0) + 1

    def kill_after(self, delay, victim, directory, child):
        """Whether somebody was there to be killed. Who is not there yet is waited for a little."""
        time.sleep(delay)
        until = time.monotonic() + self.random.random() * 0.05
        while True:
            if child.poll() is not None and victim == "command":
                return False
            hit = 0
            for pid in victims_of(victim, directory, child.pid):
                try:
                    os.kill(pid, signal.SIGKILL)
                    hit += 1
                except ProcessLookupError:
                    pass
            if hit or time.monotonic() > until:
                return bool(hit)

    def run(self, kills, seconds):
        until = time.monotonic() + seconds
        self.measure()
        while self.count < kills and time.monotonic() < until and len(self.broken) < ENOUGH:
            try:
                self.round()
            except faults.Failure as failure:
                self.broken.append(str(failure))
                print("kill %d of seed %d: %s" % (self.count, self.seed, failure), file=sys.stderr,
                      flush=True)
                for kind in self.kinds:
                    kind.world.run("rm" if isinstance(kind, RunKind) else "delete")
        for kind in self.kinds:
            kind.world.drop()


def main():
    began = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="the directory of crank's programs")
    parser.add_argument("--scratch", required=True, help="an empty directory")
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=3600, help="no new kill after so long")
    parser.add_argument("--evidence", help="a JSON file, to which this run is added")
    options = parser.parse_args()
    campaign = Campaign(options)
    campaign.run(options.kills, options.seconds)
    seconds = round(time.monotonic() - began)
    print("%d kills in %d s (%s; of %s), %d rounds in which nobody was there; seed %d; %d broken" % (
        campaign.count, seconds,
        ", ".join("%d %s" % (n, step) for step, n in sorted(campaign.by_step.items())),
        ", ".join("%d %s" % (n, who) for who, n in sorted(campaign.by_victim.items())),
        campaign.missed, campaign.seed, len(campaign.broken)))
    if options.evidence:
        evidence.add(options.evidence, "kill -9 of the runtime", campaign.count, options.seed,
                     len(campaign.broken), {"seconds": seconds, "by_command": campaign.by_step,
                                            "by_victim": campaign.by_victim})
    return 1 if campaign.broken or campaign.count < options.kills else 0


if __name__ == "__main__":
    sys.exit(main())
