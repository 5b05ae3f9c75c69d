#!/usr/bin/env python3
"""kill -9 at random moments of pull, load, build, tag, rmi, prune and repair, and what is left each time.

usage: kill.py --bin DIR --scratch DIR [--kills N] [--seed S] [--seconds N] [--evidence FILE]

One store lives through the whole campaign. After each kill:
  - `crank image verify` finds no damage, but for what `image verify --repair` was to repair, and does
    when it is typed again;
  - every tag names the image that it named before or, where the command was to change it, the new
    one; several tags of one archive change together;
  - every tag can be inspected, and a container of the one at stake sees all files of its image;
  - nothing lies in the store that no row names, once no process or mount of it is left.
The commands and the moments (as shares of what the command takes) come from the seed. Ends with 1
when something was broken, and says what, with the number of the kill.
"""

import argparse
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import evidence  # noqa: E402 (after its directory is known)
import soundness  # noqa: E402
from workload import KINDS, Registry, Workload, make_material, wrong_tags

DEADLINE = 30  # seconds until what a killed command has started must have ended
ENOUGH = 20  # broken kills that are worth going on for


class Campaign:
    def __init__(self, options, registry):
        self.scratch = pathlib.Path(options.scratch).resolve()
        self.seed = options.seed
        self.random = random.Random(options.seed)
        program = str(pathlib.Path(options.bin).resolve() / "crank")
        self.crank = soundness.Crank(program, self.scratch / "root", self.scratch / "state")
        self.typical = {}  # seconds by kind
        self.kills = {}  # by kind
        self.whole = 0  # kills that took the helpers too
        self.tried = self.repaired = 0
        self.broken = set()  # numbers of kills
        make_material(self.scratch, program, registry)
        self.work = Workload(self.crank, self.scratch, registry.host, self.random, self.scratch)

    @property
    def count(self):
        return sum(self.kills.values())

    def measure(self):
        """How long each command takes when nobody kills it."""
        for kind in [*KINDS, *KINDS]:
            step = self.work.step(kind)
            began = time.monotonic()
            self.crank.must(*step.arguments)
            self.typical[kind] = max(self.typical.get(kind, 0), time.monotonic() - began)

    def start_and_kill(self, step):
        """Returns the status, None where it was killed; and what it said."""
        delay = self.random.random() * self.typical[step.kind]
        whole = self.random.random() < 0.5  # else its helpers are to end by themselves
        with open(self.scratch / "said", "w+b") as said:
            process = subprocess.Popen(self.crank.command(*step.arguments), stdout=said, stderr=said,
                                       stdin=subprocess.DEVNULL, env=self.crank.environment,
                                       start_new_session=True)
            try:
                status = process.wait(delay)
            except subprocess.TimeoutExpired:
                (os.killpg if whole else os.kill)(process.pid, signal.SIGKILL)
                status = process.wait()
            said.seek(0)
            text = said.read().decode(errors="replace").strip()
        if status != -signal.SIGKILL:
            return status, text
        self.whole += whole
        self.kills[step.kind] = self.kills.get(step.kind, 0) + 1
        return None, text

    def helpers_left(self):
        deadline = time.monotonic() + DEADLINE
        while left := soundness.processes_of(self.crank.root):
            if time.monotonic() > deadline:
                yield f"processes are left: {left}"
                return
            time.sleep(0.02)

    def damage(self, step):
        """What there was before is repaired when the command is typed again; no other may be."""
        if step.may_leave_damage and soundness.damage(self.crank):
            self.repaired += 1
            self.crank.must(*step.arguments)
        return soundness.damage(self.crank)

    def check(self, step, before, ended_well):
        yield from self.helpers_left()
        yield from self.damage(step)
        # Every process that held something is gone: the first command has swept it.
        yield from soundness.store_problems(self.crank.root)
        after = self.crank.tags()
        yield from wrong_tags(step, before, after, ended_well)
        yield from soundness.inspect_problems(self.crank, after)
        at_stake = [name for name in sorted(after) if name in step.touches]
        others = [name for name in sorted(after) if name not in step.touches]
        thorough = self.count % 10 == 0
        for name in at_stake + (others if thorough else others[:1]):
            yield from soundness.prove_tag(self.crank, name)
        if thorough:
            self.crank.must("prune", "-f")
            yield from soundness.unneeded_layers(self.crank.root)
            yield from soundness.store_problems(self.crank.root)

    def round(self):
        step = self.work.next()
        before = self.crank.tags()
        self.tried += 1
        status, text = self.start_and_kill(step)
        if status:
            yield f"{step} was not killed and ended with {status}: {text}"
        for problem in self.check(step, before, status == 0):
            yield f"{step}: {problem}"

    def note(self, problem):
        self.broken.add(self.count)
        print(f"kill {self.count} of seed {self.seed}: {problem}", file=sys.stderr, flush=True)

    def run(self, kills, seconds):
        until = time.monotonic() + seconds
        self.work.begin()
        self.measure()
        while self.count < kills and time.monotonic() < until and len(self.broken) < ENOUGH:
            try:
                for problem in self.round():
                    self.note(problem)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                self.note(str(error))
        # everything can be had again
        for name in sorted(self.work.pulled):
            self.crank.must("pull", "-q", "--tls-verify=false", name)
        for problem in soundness.damage(self.crank):
            self.note(f"at the end: {problem}")


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="the directory of crank's programs")
    parser.add_argument("--scratch", required=True, help="an empty directory")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=3600, help="no new kill after so long")
    parser.add_argument("--evidence", help="a JSON file, to which this run is added")
    return parser.parse_args(arguments)


def main():
    began = time.monotonic()
    options = parse(sys.argv[1:])
    scratch = pathlib.Path(options.scratch).resolve()
    registry = Registry(scratch, scratch / "registry")
    try:
        campaign = Campaign(options, registry)
        campaign.run(options.kills, options.seconds)
    finally:
        registry.stop()
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(campaign.kills.items()))
    seconds = round(time.monotonic() - began)
    print(f"{campaign.count} kills in {seconds} s ({kinds}), {campaign.whole} with all helpers; "
          f"{campaign.tried - campaign.count} commands had ended before; seed {options.seed}; "
          f"{campaign.repaired} repairs were taken up again; "
          f"{len(campaign.broken)} broken")
    if options.evidence:
        evidence.add(options.evidence, "kill -9", campaign.count, options.seed,
                     len(campaign.broken), {"seconds": seconds, "by_command": campaign.kills,
                                            "repairs_taken_up_again": campaign.repaired})
    return 1 if campaign.broken or campaign.count < options.kills else 0


if __name__ == "__main__":
    sys.exit(main())
