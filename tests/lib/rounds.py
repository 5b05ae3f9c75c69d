#!/usr/bin/env python3
"""Runs a command so many times, while somebody else changes what it looks at.

usage: rounds.py [--into DIR] [--never TEXT] [--input FILE] [--evidence FILE --operation NAME]
                 --status LIST ROUNDS COMMAND...

COUNT within a word is the number of the round. Each round has to end with one of the statuses of LIST
("0,1,125-127"). DIR is made anew before each round. TEXT must be neither in what the command prints nor
in a file below DIR. The rounds of an operation become a part of the document FILE, where the operation's name
stands as the seed: there is no other."""

import argparse
import os
import pathlib
import shutil
import sys
import tempfile

import evidence

TITLE = "names exchanged while crank looks them up: nothing outside the root was changed or read"


def statuses(text):
    found = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


class Rounds:
    def __init__(self, options):
        self.options = options
        self.output, self.errors = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.input = os.open(options.input or os.devnull, os.O_RDONLY)
        self.program = shutil.which(options.command[0]) or sys.exit(f"no {options.command[0]} on PATH")

    def one(self, number):
        """The status of this round, by signal -N."""
        for file in (self.output, self.errors):
            os.ftruncate(file.fileno(), 0)
            os.lseek(file.fileno(), 0, os.SEEK_SET)
        if self.options.input:  # from its start in each round
            os.lseek(self.input, 0, os.SEEK_SET)
        if self.options.into:
            shutil.rmtree(self.options.into, ignore_errors=True)
            os.mkdir(self.options.into)
        words = [word.replace("COUNT", str(number)) for word in self.options.command]
        actions = [(os.POSIX_SPAWN_DUP2, self.input, 0),
                   (os.POSIX_SPAWN_DUP2, self.output.fileno(), 1),
                   (os.POSIX_SPAWN_DUP2, self.errors.fileno(), 2)]
        pid = os.posix_spawn(self.program, words, os.environ, file_actions=actions)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def text_of(self, file):
        file.seek(0)
        return file.read()

    def told(self):
        """Whether what may never be seen is there: the way out led somewhere else."""
        never = (self.options.never or "").encode()
        if not never:
            return False
        places = pathlib.Path(self.options.into).rglob("*") if self.options.into else ()
        return (never in self.text_of(self.output)
                or any(never in path.read_bytes() for path in places
                       if path.is_file() and not path.is_symlink()))

    def all(self):
        """How many ended with 0; None after a round that had to be otherwise."""
        allowed, fine = statuses(self.options.status), 0
        for number in range(self.options.rounds):
            status = self.one(number)
            if status not in allowed:
                errors = self.text_of(self.errors).decode(errors="replace")
                print(f"round {number} ended with {status}: {errors}", file=sys.stderr)
                return None
            if self.told():
                print(f"round {number}: the host's file came out", file=sys.stderr)
                return None
            fine += status == 0
        return fine


def parse():
    parser = argparse.ArgumentParser(usage=__doc__)
    for name in ("--into", "--never", "--input", "--evidence", "--operation"):
        parser.add_argument(name)
    parser.add_argument("--status", required=True)
    parser.add_argument("rounds", type=int)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    return parser.parse_args()


def main():
    options = parse()
    fine = Rounds(options).all()
    if fine is not None:
        print(f"{fine} of {options.rounds} ended with 0", file=sys.stderr)
    if options.evidence:
        evidence.add(options.evidence, TITLE, options.rounds, options.operation, int(fine is None),
                     {"ended_with_0": fine})
    return 1 if fine is None else 0


if __name__ == "__main__":
    sys.exit(main())
