#!/usr/bin/env python3
"""Runs the fuzz targets, each with so many inputs, and keeps count of them.

usage: campaign.py --bin DIR [--inputs N] [--evidence FILE] [--seconds N] [--jobs N] [--keep]
                   [TARGET...]

DIR holds the programs of the preset `fuzz`; without names every *_fuzz there is run. A target runs in
pieces. What each has done is added to FILE at once, so that a campaign may be ended at any time and
goes on where it was: the inputs of runs add up as long as the target's code, and that of the rooms it
speaks of (the ones whose headers it includes), is the same. Where changes are in no commit, nothing is
added. What libFuzzer found stays in build/fuzz/findings/TARGET, and is replayed before anything else:
while one is left, the target has an open finding. --keep makes seeds of the inputs that reach what no
seed reaches. Ends with 1 where there is a finding, or where a target has not had its inputs.
"""

import argparse
import concurrent.futures
import configparser
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tests/lib"))
import evidence  # noqa: E402 (after its directory is known)

SOURCES = TOP / "tests/fuzz"
PIECE = 200_000  # inputs
MOST_KEPT = 200  # findings of one target; more say nothing new
SANITIZERS = {
    # Freed memory is kept aside only as long as a small input is tried: the rest costs half the time.
    "ASAN_OPTIONS": "quarantine_size_mb=2:thread_local_quarantine_size_kb=64:"
                    "detect_stack_use_after_return=0:malloc_context_size=4:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
}


def rooms_of(target):
    """The rooms of the house that the target's source includes headers of."""
    text = (SOURCES / f"{target}.cpp").read_text()
    found = re.findall(r'^#include "(\w+)/', text, re.MULTILINE)
    return sorted({f"src/{room}" for room in found})


def code_of(target):
    """A digest of what is under test, as git has it: equal where nothing but tests has changed."""
    paths = [f"tests/fuzz/{target}.cpp", *rooms_of(target)]
    files = evidence.git("ls-tree", "-r", "HEAD", "--", *paths).splitlines()
    code = [line for line in files if not line.endswith("_test.cpp")]
    return hashlib.sha256("\n".join(code).encode()).hexdigest()[:16]


def changed(target):
    paths = [f"tests/fuzz/{target}.cpp", "tests/fuzz/fuzz_support.h", *rooms_of(target)]
    return bool(evidence.git("status", "--porcelain", "--", *paths))


def options_of(target):
    """NAME.options: libFuzzer's flags, as others write them down."""
    parser = configparser.ConfigParser()
    parser.read_string("[libfuzzer]\nmax_len = 1024\n")
    parser.read(SOURCES / f"{target}.options")
    flags = [f"-{name}={value}" for name, value in parser["libfuzzer"].items()]
    dictionary = SOURCES / f"{target}.dict"
    return [*flags, *([f"-dict={dictionary}"] if dictionary.exists() else [])]


class Target:
    def __init__(self, program, options):
        self.program, self.name = program, program.name
        self.options = options
        build = TOP / "build/fuzz"
        self.corpus, self.findings = build / "corpus" / self.name, build / "findings" / self.name
        for directory in (self.corpus, self.findings):
            directory.mkdir(parents=True, exist_ok=True)
        self.environment = dict(os.environ, **SANITIZERS)
        self.commit = evidence.git("rev-parse", "HEAD")
        self.code, self.changed = code_of(self.name), changed(self.name)
        self.rate = 0.0

    def call(self, *arguments):
        return subprocess.run([str(self.program), *arguments], env=self.environment, cwd=TOP,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace")

    def open_findings(self):
        """Of the inputs that once failed, those that still do; the others are seeds from now on."""
        left = []
        for path in sorted(self.findings.iterdir()):
            if self.call(str(path), "-timeout=25", "-rss_limit_mb=2048").returncode == 0:
                path.rename(self.corpus / path.name)
            else:
                left.append(path.name)
        return left

    def piece(self, inputs, seed):
        """Returns how many inputs were tried, and the report of a finding."""
        seeds = SOURCES / self.name
        began = time.monotonic()
        done = self.call(f"-runs={inputs}", f"-seed={seed}", "-rss_limit_mb=2048", "-timeout=25",
                         "-print_final_stats=1", "-reload=0", "-verbosity=1",
                         f"-artifact_prefix={self.findings}/", *options_of(self.name),
                         str(self.corpus), *([str(seeds)] if seeds.is_dir() else []))
        seconds = time.monotonic() - began
        count = re.search(r"number_of_executed_units:\s*(\d+)", done.stdout)
        tried = int(count.group(1)) if count else 0
        self.rate = tried / seconds
        return tried, seconds, done.stdout if done.returncode != 0 else None

    def keep(self):
        """Returns how many seeds there are now."""
        seeds = SOURCES / self.name
        seeds.mkdir(exist_ok=True)
        done = self.call("-set_cover_merge=1", *options_of(self.name), str(seeds), str(self.corpus))
        if done.returncode != 0:
            raise RuntimeError(f"{self.name} could not merge its corpus: {done.stdout[-2000:]}")
        return len(list(seeds.iterdir()))

    def recorded(self):
        keeps = self.options.evidence and not self.changed
        old = evidence.read(self.options.evidence) if keeps else None
        for run in (old or {}).get("runs", []):
            if run["target"] == self.name and run["code"] == self.code:
                return run
        return {"count": 0, "seconds": 0, "pieces": 0}

    def record(self, tried, seconds, findings):
        """The evidence is rewritten as a whole: others may have added to it."""
        if not self.options.evidence or self.changed:
            return
        path = pathlib.Path(self.options.evidence).resolve()
        with evidence.alone_in(path.parent):
            before = self.recorded()
            run = {"target": self.name, "commit": self.commit, "code": self.code,
                   "count": before["count"] + tried,
                   "seconds": round(before["seconds"] + seconds), "findings": findings,
                   "pieces": before["pieces"] + 1, "date": evidence.today(),
                   "machine": evidence.machine()}
            old = evidence.read(path) or {"runs": []}
            runs = [other for other in old["runs"] if other["target"] != self.name]
            evidence.write(path, {"what": "fuzzing", "runs": sorted([*runs, run],
                                                                    key=lambda r: r["target"])})

    def run(self, until):
        """Until it has had its inputs or the time is up. Returns a line for the user, and whether
        all is well."""
        left = self.open_findings()
        wanted, own = self.options.inputs, 0
        before = self.recorded()
        pieces = before["pieces"]
        while not left and before["count"] + own < wanted and time.monotonic() < until:
            piece = min(PIECE, wanted - before["count"] - own)
            tried, seconds, report = self.piece(piece, pieces + 1)
            own += tried
            pieces += 1
            if report is not None:
                left = [path.name for path in self.findings.iterdir()][:MOST_KEPT]
                print(report[-6000:], file=sys.stderr)
                # it ended without leaving an input: not for nothing
                left = left or ["no input was left"]
            self.record(tried, seconds, len(left))
            if tried == 0:
                break
        if left:
            self.record(0, 0, len(left))
        count = before["count"] + own
        text = f"{self.name}: {count} inputs ({own} of them now, {self.rate:.0f} a second)"
        if left:
            text += f", OPEN FINDINGS in {self.findings}: {', '.join(left[:5])}"
        elif count < wanted:
            text += f" of {wanted}: not enough"
        if self.options.keep and not left:
            text += f"; {self.keep()} seeds"
        return text, not left and count >= wanted


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="the directory of the fuzz targets")
    parser.add_argument("--inputs", type=int, default=10_000_000, help="for each target")
    parser.add_argument("--seconds", type=int, default=7 * 86400, help="no new piece after so long")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="targets at once")
    parser.add_argument("--keep", action="store_true", help="adds to the seeds in tests/fuzz")
    parser.add_argument("--evidence", help="a JSON file, to which this run is added")
    parser.add_argument("targets", nargs="*")
    return parser.parse_args(arguments)


def main():
    options = parse(sys.argv[1:])
    programs = sorted(pathlib.Path(options.bin).resolve().glob("*_fuzz"))
    if options.targets:
        unknown = set(options.targets) - {program.name for program in programs}
        if unknown:
            sys.exit(f"campaign.py: no such target in {options.bin}: {', '.join(sorted(unknown))}")
        programs = [program for program in programs if program.name in options.targets]
    if not programs:
        sys.exit(f"campaign.py: no fuzz target in {options.bin}: ./dev build fuzz")
    until = time.monotonic() + options.seconds
    well = True
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        targets = [Target(program, options) for program in programs]
        for done in concurrent.futures.as_completed(pool.submit(t.run, until) for t in targets):
            text, good = done.result()
            well &= good
            print(text, flush=True)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
