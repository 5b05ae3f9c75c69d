#!/usr/bin/env python3
"""Power cuts: what is on the disk when a machine stops in the middle of writing to it.

usage: power_cut.py --bin DIR --scratch DIR [--cuts N] [--seed S] [--commands N] [--evidence FILE]
                    [--without-sync [CALLS] | --without-flushes] [--replay-only]

A virtual machine (tests/vm) pulls, loads, builds, tags, removes, prunes and repairs in a store on an
ext4 of its own, and qemu logs what the disk was given, in its order, with the flushes. Each power cut
is a point of that log: what was flushed before is on the disk, and of the rest each write is there, not
there or torn, at random. That disk is mounted here, as after a reboot, and
  - the tags are those of before or after the command that the cut fell into, and exactly those of
    after it where it had reported success;
  - `crank image verify` finds no damage, but for what was spoiled on purpose to be repaired, and that
    is gone when the image is loaded again;
  - every tag can be inspected, containers of two of them see all files of their image, nothing lies
    about that no row names;
  - loading goes on, and is sound.

--without-sync takes its syncs from crank, or some of them (in the guest, by strace), --without-flushes
leaves the flushes out of the log: each shows that the check finds a store that syncs too little.
"""

import argparse
import contextlib
import os
import pathlib
import random
import shlex
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import evidence  # noqa: E402 (after its directory is known)
import guest  # noqa: E402
import soundness
import write_log
from workload import Registry, Step, make_material, wrong_tags

TOP = evidence.TOP
DISK = 768 << 20  # bytes, of the ext4
ENOUGH = 20  # broken cuts that are worth going on for
SYNCS = "fsync,fdatasync,syncfs,sync"


def without(calls):
    """A prefix of a command that has these system calls do nothing, and succeed."""
    return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e",
            f"inject={calls}:retval=0"]


def call(*arguments, **options):
    done = subprocess.run(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", **options)
    if done.returncode != 0:
        raise RuntimeError(f"{shlex.join(map(str, arguments))} ended with {done.returncode}: "
                           f"{done.stdout.strip()[-2000:]}")
    return done.stdout


def copy_sparse(source, target):
    call("cp", "--sparse=always", source, target)


class Recording:
    """The guest's run: the disk as it was before, and the log."""

    def __init__(self, options):
        self.directory = pathlib.Path(options.scratch).resolve()
        self.before, self.log = self.directory / "before", self.directory / "log"
        self.program = str(pathlib.Path(options.bin).resolve() / "crank")

    def make(self, commands, seed, words):
        registry = Registry(self.directory, self.directory / "registry")
        try:
            make_material(self.directory, self.program, registry)
        finally:
            registry.stop()
        with open(self.before, "wb") as file:
            file.truncate(DISK + guest.MARKER)
        call("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", self.before,
             str(DISK >> 10) + "k")
        disk = self.directory / "disk"
        copy_sparse(self.before, disk)
        self.log.unlink(missing_ok=True)
        print(call(TOP / "tests/vm/run.sh", "python3", TOP / "tests/crash/guest.py", self.directory,
                   self.program, "/dev/vdb", str(DISK), str(commands), str(seed), *words,
                   env=dict(os.environ, VM_DISK=str(disk), VM_DISK_LOG=str(self.log)),
                   cwd=TOP).strip().splitlines()[-2], file=sys.stderr)
        disk.unlink()


class Replay:
    """Walks along the log once: `safe` is the disk with everything up to the last flush."""

    def __init__(self, recording, flushes=True):
        self.log = write_log.WriteLog(recording.log, DISK + guest.MARKER)
        if not flushes:
            for entry in self.log.entries:
                entry.flags &= ~(write_log.FLUSH | write_log.FUA)
        self.directory = recording.directory
        self.safe = self.directory / "safe"
        copy_sparse(recording.before, self.safe)
        self.done = 0
        self.markers = [(number, guest.read_marker(self.log.data(entry)))
                        for number, entry in enumerate(self.log.entries)
                        if entry.is_write and entry.start >= DISK]

    def marker(self, upto):
        """How far crank was; None: it had not begun."""
        last = None
        for number, marker in self.markers:
            if number < upto:
                last = marker
        return last

    def disk_after(self, upto, dice):
        """The path of the disk after a cut before the entry `upto`, and what the cut cost it."""
        first = write_log.last_flush(self.log, upto)
        fd = os.open(self.safe, os.O_WRONLY)
        for entry in self.log.entries[self.done:first]:
            self.log.apply(entry, fd)
        os.close(fd)
        self.done = max(self.done, first)
        # a file of its own: the last one may still be somebody's, by a mount in a dying namespace
        disk = self.directory / f"cut-{upto}"
        copy_sparse(self.safe, disk)
        fd = os.open(disk, os.O_WRONLY)
        cost = write_log.cut(self.log, upto, fd, dice)
        os.close(fd)
        return disk, cost


def within(seconds, what, attempt):
    """Until it succeeds; a container that has just ended may have a process that is on its way out."""
    deadline = time.monotonic() + seconds
    while not attempt():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} is in use after {seconds} s")
        time.sleep(0.05)


def is_done(*arguments):
    return subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0


@contextlib.contextmanager
def mounted(disk, place):
    place.mkdir(exist_ok=True)
    call("mount", "-t", "ext4", "-o", "loop", disk, place)
    try:
        yield place
    finally:
        try:
            within(30, place, lambda: is_done("umount", place))
            within(30, disk, lambda: not call("losetup", "--associated", disk))
        except RuntimeError:
            is_done("umount", "--lazy", place)
            raise
        finally:
            disk.unlink()


class Campaign:
    def __init__(self, options, recording):
        self.options, self.recording = options, recording
        self.random = random.Random(options.seed)
        self.broken = set()  # cuts
        self.cuts = self.lost = self.torn = self.repaired = 0
        self.kinds = {}

    def tag_problems(self, crank, marker):
        if marker is None:
            return
        step = Step(**marker["step"])
        tags = crank.tags() if (crank.root / "format").exists() else {}
        if marker["done"]:
            if tags != marker["tags"]:
                yield f"{step} had ended well; the tags were {marker['tags']} and are {tags}"
        else:
            yield from wrong_tags(step, marker["tags"], tags, ended_well=False)

    def damage(self, crank, marker):
        """What was spoiled on purpose is repaired by loading again; nothing else may be damaged."""
        spoiled = marker and Step(**marker["step"]).may_leave_damage
        if spoiled and not (marker["done"] and marker["step"]["kind"] == "repair") \
                and soundness.damage(crank):
            self.repaired += 1
            for archive in self.archives():
                crank.must("load", "-q", "-i", archive)
        return soundness.damage(crank)

    def archives(self):
        return sorted(str(path) for path in self.recording.directory.glob("load-*.tar.gz"))

    def check(self, root, marker):
        crank = soundness.Crank(self.recording.program, root, self.recording.directory / "state")
        yield from self.tag_problems(crank, marker)
        yield from self.damage(crank, marker)
        if not (root / "format").exists():
            return
        yield from soundness.store_problems(root)
        tags = sorted(crank.tags())
        yield from soundness.inspect_problems(crank, tags)
        for name in self.random.sample(tags, min(2, len(tags))):
            yield from soundness.prove_tag(crank, name)
        crank.must("load", "-q", "-i", self.random.choice(self.archives()))
        yield from soundness.damage(crank)
        yield from soundness.prove_tag(crank, "crash/loaded:a")
        yield from soundness.store_problems(root)

    def one(self, replay, upto):
        disk, (lost, torn) = replay.disk_after(upto, self.random)
        marker = replay.marker(upto)
        self.cuts += 1
        self.lost += lost
        self.torn += torn
        where = "before the first command"
        if marker:
            kind = marker["step"]["kind"]
            where = f"{'after' if marker['done'] else 'during'} {Step(**marker['step'])}"
            if not marker["done"]:
                self.kinds[kind] = self.kinds.get(kind, 0) + 1
        try:
            with mounted(disk, self.recording.directory / "mounted") as place:
                for problem in self.check(place / "store", marker):
                    self.note(upto, where, problem)
        except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
            self.note(upto, where, error)

    def note(self, upto, where, problem):
        self.broken.add(upto)
        print(f"cut at write {upto} of seed {self.options.seed}, {where}: {problem}",
              file=sys.stderr, flush=True)

    def moments(self, replay):
        """Half of them where much has been written since the last flush, the others spread evenly
        over the kinds of commands."""
        window, waiting, by_kind = 0, [], {}
        marked = dict(replay.markers)
        kind = None
        for number, entry in enumerate(replay.log.entries):
            window = 0 if entry.flushes else window + 1
            if number in marked:
                kind = marked[number]["step"]["kind"]
            if kind is None:
                continue
            by_kind.setdefault(kind, []).append(number)
            if window >= 4:
                waiting.append(number)
        chosen = set(self.random.sample(waiting, min(len(waiting), self.options.cuts // 2)))
        while len(chosen) < self.options.cuts:
            chosen.add(self.random.choice(by_kind[self.random.choice(sorted(by_kind))]))
        return sorted(chosen)

    def run(self):
        replay = Replay(self.recording, flushes=not self.options.without_flushes)
        count = len(replay.log.entries)
        print(f"the log has {count} writes and flushes, {len(replay.markers)} markers",
              file=sys.stderr)
        if len(replay.markers) < 2 or count < self.options.cuts:
            raise RuntimeError("the log is too short")
        for upto in self.moments(replay):
            if len(self.broken) >= ENOUGH:
                break
            self.one(replay, upto)


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="the directory of crank's programs")
    parser.add_argument("--scratch", required=True,
                        help="a directory below this checkout, which the guest sees")
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--commands", type=int, default=60, help="of the guest's work-load")
    parser.add_argument("--evidence", help="a JSON file, to which this run is added")
    parser.add_argument("--without-sync", nargs="?", const=SYNCS, metavar="CALLS",
                        help=f"of {SYNCS}, all by default")
    parser.add_argument("--without-flushes", action="store_true")
    parser.add_argument("--replay-only", action="store_true",
                        help="the log of the last run, which --scratch holds")
    return parser.parse_args(arguments)


def main():
    began = time.monotonic()
    options = parse(sys.argv[1:])
    recording = Recording(options)
    if not options.replay_only:
        shutil.rmtree(recording.directory, ignore_errors=True)
        recording.directory.mkdir(parents=True)
        recording.make(options.commands, options.seed, without(options.without_sync) if options.without_sync else [])
    campaign = Campaign(options, recording)
    campaign.run()
    kinds = ", ".join(f"{count} in a {kind}" for kind, count in sorted(campaign.kinds.items()))
    seconds = round(time.monotonic() - began)
    print(f"{campaign.cuts} power cuts in {seconds} s ({kinds}), {campaign.lost} writes lost and {campaign.torn} "
          f"torn; seed {options.seed}; {campaign.repaired} repaired that were spoiled; "
          f"{len(campaign.broken)} broken")
    if options.evidence:
        evidence.add(options.evidence, "power cut", campaign.cuts, options.seed,
                     len(campaign.broken),
                     {"seconds": seconds, "by_command": campaign.kinds, "writes_lost": campaign.lost,
                      "writes_torn": campaign.torn, "spoiled_and_repaired": campaign.repaired})
    return 1 if campaign.broken or campaign.cuts < options.cuts else 0


if __name__ == "__main__":
    sys.exit(main())
