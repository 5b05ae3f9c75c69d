#!/usr/bin/env python3
"""Checks docs/evidence/*.json: what the campaigns of ./dev test --long have shown must still speak of
this code.

usage: lint_evidence.py [TOP]

Evidence is too old where the last change to a room that it speaks of came more than 30 days after the
commit that was tested, or where more than 50 commits have changed those rooms since. Where that commit
is not in the history (a shallow clone), this says so and lets it pass.
"""

import json
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
DAYS, COMMITS = 30, 50
# FILE: how often at least, and the rooms that it speaks of
CAMPAIGNS = {
    "crash-kill.json": (500, ["src/store", "src/build", "src/transfer"]),
    "power-cut.json": (100, ["src/store", "src/build", "src/transfer"]),
    "runtime-kill.json": (1000, ["src/runtime", "src/shim", "src/engine", "src/network"]),
    "races.json": (340_000, ["src/runtime", "src/shim"]),
}
FUZZED = 10_000_000  # inputs of each target of tests/fuzz
FIELDS = {"what": str, "commit": str, "count": int, "broken": int, "date": str, "machine": str,
          "runs": list}


def git(top, *arguments):
    """What git says, or None where it says no."""
    done = subprocess.run(["git", *arguments], cwd=top, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def content_problems(document, least):
    for name, kind in FIELDS.items():
        if not isinstance(document.get(name), kind):
            yield f"lacks {name}, {kind.__name__}"
            return
    if document["broken"]:
        yield f"{document['broken']} things were broken: mend them and run the campaign again"
    if document["count"] < least:
        yield f"a campaign of {document['count']}; {least} are wanted"
    if document["count"] != sum(run.get("count", 0) for run in document["runs"]):
        yield "its count is not the sum of its runs"
    if not all("seed" in run for run in document["runs"]):
        yield "a run has no seed"
    if document.get("changes_beside_the_commit"):
        yield "it was made with changes that are in no commit"


def days_between(top, commit, later):
    return (int(git(top, "log", "-1", "--format=%ct", later))
            - int(git(top, "log", "-1", "--format=%ct", commit))) / 86400


def age_problems(top, commit, rooms):
    """Yields problems; a text that begins with "note: " is none."""
    if git(top, "merge-base", "--is-ancestor", commit, "HEAD") is None:
        shallow = git(top, "rev-parse", "--is-shallow-repository") == "true"
        why = "this clone is shallow" if shallow else "it is not in this history"
        yield f"note: its age was not checked: commit {commit[:12]} is unknown, {why}"
        return
    last = git(top, "log", "-1", "--format=%H", "--", *rooms)
    if not last or git(top, "merge-base", "--is-ancestor", last, commit) is not None:
        return
    days = days_between(top, commit, last)
    commits = int(git(top, "rev-list", "--count", "--no-merges", f"{commit}..HEAD", "--", *rooms))
    if days > DAYS or commits > COMMITS:
        yield (f"{', '.join(rooms)} changed in {commits} commits since the one that it speaks of, "
               f"last {days:.0f} days after it ({COMMITS} and {DAYS} are allowed): ./dev test --long")


def read(top, name):
    """The document, or what is wrong with it."""
    try:
        return json.loads((top / "docs/evidence" / name).read_text()), []
    except FileNotFoundError:
        return None, ["is not there: ./dev test --long makes it"]
    except ValueError as error:
        return None, [f"is no JSON: {error}"]


def problems_of(top, name):
    least, rooms = CAMPAIGNS[name]
    document, problems = read(top, name)
    problems = problems or list(content_problems(document, least))
    yield from problems
    if not problems:
        yield from age_problems(top, document["commit"], rooms)


def rooms_of(source):
    """The rooms that a fuzz target includes headers of."""
    found = re.findall(r'^#include "(\w+)/', source.read_text(), re.MULTILINE)
    return sorted({f"src/{room}" for room in found})


def too_few(top, source, count):
    """A target that is new, or was changed, has some days to get its inputs: they take hours, and one
    merge can bring more commits than COMMITS."""
    text = f"{source.stem} had {count} inputs; {FUZZED} are wanted: ./dev test --long fuzz"
    changed = git(top, "log", "-1", "--format=%H", "--", str(source))
    days = days_between(top, changed, "HEAD") if changed else 0
    return text if days > DAYS else f"note: {text}"


def target_problems(top, source, run):
    """It has had its inputs, without an open finding, on code that is not too old."""
    if run.get("findings", 0) != 0:
        yield f"{source.stem} has open findings: mend them and run it again"
    elif run.get("count", 0) < FUZZED or not isinstance(run.get("commit"), str):
        yield too_few(top, source, run.get("count", 0))
    else:
        for problem in age_problems(top, run["commit"], rooms_of(source)):
            note = "note: " if problem.startswith("note: ") else ""
            yield f"{note}{source.stem}: {problem.removeprefix('note: ')}"


def fuzz_problems(top):
    sources = sorted((top / "tests/fuzz").glob("*_fuzz.cpp"))
    if not sources:
        return
    document, problems = {}, []
    if (top / "docs/evidence/fuzz.json").exists():
        document, problems = read(top, "fuzz.json")
    yield from problems
    if problems:
        return
    runs = {run.get("target"): run for run in document.get("runs", [])}
    for source in sources:
        yield from target_problems(top, source, runs.get(source.stem, {}))


def main():
    top = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else TOP
    if git(top, "rev-parse", "HEAD") is None:
        print("note: no git history: the evidence was not checked")
        return 0
    failed = False
    found = {name: problems_of(top, name) for name in CAMPAIGNS}
    for name, problems in {**found, "fuzz.json": fuzz_problems(top)}.items():
        for problem in problems:
            note = problem.startswith("note: ")
            failed |= not note
            print(f"{'note: ' if note else ''}docs/evidence/{name}: {problem.removeprefix('note: ')}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
