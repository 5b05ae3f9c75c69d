"""docs/evidence/*.json: what a campaign has shown, where and when. Read by tools/lint_evidence.py."""

import contextlib
import datetime
import fcntl
import json
import os
import pathlib
import platform
import subprocess

TOP = pathlib.Path(__file__).resolve().parent.parent.parent


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=TOP, check=True, capture_output=True,
                          text=True).stdout.strip()


def machine():
    """In words, without names."""
    model = "unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    return f"{os.cpu_count()} cores ({model}), {memory} GiB, Linux {platform.release()}"


def today():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")


def read(path):
    try:
        return json.loads(pathlib.Path(path).read_text())
    except FileNotFoundError:
        return None


def write(path, document):
    """Never half: a campaign may be ended at any time."""
    new = pathlib.Path(f"{path}.new")
    new.write_text(json.dumps(document, indent=2) + "\n")
    new.rename(path)


@contextlib.contextmanager
def alone_in(directory):
    """Pieces of a campaign may run at once."""
    directory.mkdir(parents=True, exist_ok=True)
    fd = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def add(path, what, count, seed, broken, details):
    """Another piece of a campaign: pieces of one commit and machine add up, others begin anew."""
    path = pathlib.Path(path)
    with alone_in(path.parent):
        write(path, added(read(path), what, {"seed": seed, "count": count, "broken": broken,
                                             **details}))


def added(old, what, run):
    commit = git("rev-parse", "HEAD")
    changed = git("status", "--porcelain", "--", "src", "tests/crash", "tests/lib",
                  "tests/security", "tests/vm")
    runs = []
    if old and (old["commit"], old["machine"]) == (commit, machine()):
        runs = [piece for piece in old["runs"] if piece["seed"] != run["seed"]]
    runs = sorted([*runs, run], key=lambda piece: piece["seed"])
    return {
        "what": what,
        "commit": commit,
        "changes_beside_the_commit": bool(changed),
        "count": sum(piece["count"] for piece in runs),
        "broken": sum(piece["broken"] for piece in runs),
        "date": today(),
        "machine": machine(),
        "runs": runs,
    }
