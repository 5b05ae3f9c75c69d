#!/usr/bin/env python3
"""Runs clang-tidy on translation units, and remembers by content which ones are clean.

usage: lint_tidy.py [--all] [--seconds N]

Without --all it looks at what changed since the main branch. With --seconds it starts with the
units changed last and begins none after that time; how many are left is said. The key of a unit is
a digest over its text, the text of every header of ours that it reaches, its compile command,
.clang-tidy and the tool's version; the cache directory, which all checkouts of a user share, holds
an empty file per clean key. Findings are not remembered.
Tests are left out: two compilers and the sanitizers look at them, and they are half of the time.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
BUILD = TOP / "build/dev"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache",
                     "crank-tidy")
TIDY = "clang-tidy-19"
INCLUDE = re.compile(rb'^\s*#\s*include\s*"([^"]+)"', re.M)


def git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=TOP, capture_output=True, text=True)
    return done.stdout.split() if done.returncode == 0 else []


def changed_files():
    base = "HEAD"
    for branch in ("origin/main", "main"):
        merge_base = git("merge-base", "HEAD", branch)
        if merge_base:
            base = merge_base[0]
            break
    return set(git("diff", "--name-only", base)) | set(
        git("ls-files", "--others", "--exclude-standard"))


class Includes:
    """The headers of ours that a file reaches."""

    def __init__(self):
        self.direct = {}

    def of(self, path):
        if path not in self.direct:
            found = []
            for name in INCLUDE.findall(path.read_bytes()):
                for candidate in (TOP / "src" / name.decode(), path.parent / name.decode()):
                    if candidate.is_file():
                        found.append(candidate.resolve())
                        break
            self.direct[path] = found
        return self.direct[path]

    def closure(self, path):
        seen, todo = set(), [path]
        while todo:
            current = todo.pop()
            if current not in seen:
                seen.add(current)
                todo += self.of(current)
        return seen


def key_of(command, files, common):
    digest = hashlib.sha256(common)
    digest.update(command.replace(str(TOP), "").encode())
    for file in sorted(files):
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def check(unit):
    path, key = unit
    done = subprocess.run(
        # libstdc++ 12 calls its own deprecated parts, and -Werror makes that an error here
        [TIDY, "-p", str(BUILD), "--quiet", "--warnings-as-errors=*",
         "--extra-arg=-Wno-deprecated-declarations", str(path)],
        cwd=TOP, capture_output=True, text=True)
    if done.returncode == 0:
        (CACHE / key).touch()
        return ""
    return done.stdout + done.stderr


def units_to_check(everything):
    version = subprocess.run([TIDY, "--version"], capture_output=True, check=True).stdout
    common = version + (TOP / ".clang-tidy").read_bytes()
    changed = {(TOP / name).resolve() for name in changed_files()}
    includes, units = Includes(), []
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["directory"], entry["file"]).resolve()
        ours = path.is_relative_to(TOP) and not path.is_relative_to(TOP / "build")
        if not path.exists() or not ours or path.stem.endswith("_test"):
            continue
        closure = includes.closure(path)
        if not everything and not closure & changed:
            continue
        key = key_of(entry["command"], closure, common)
        if not (CACHE / key).exists():
            units.append((path, key))
    return units


def last_changed_first(units):
    order = {}
    for name in git("log", "--format=", "--name-only"):
        order.setdefault((TOP / name).resolve(), len(order))
    return sorted(units, key=lambda unit: order.get(unit[0], -1))


def check_all(units, deadline):
    """(findings, not begun): the outputs by unit, and how many the time did not reach."""
    findings, left = [], 0

    def check_in_time(unit):
        return None if time.monotonic() > deadline else check(unit)

    with concurrent.futures.ThreadPoolExecutor(max(1, os.cpu_count() or 1)) as pool:
        for (path, _), output in zip(units, pool.map(check_in_time, units)):
            if output is None:
                left += 1
            elif output:
                findings.append((path, output))
    return findings, left


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--seconds", type=float)
    options = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    units = units_to_check(options.all)
    if options.seconds is not None:
        units = last_changed_first(units)
    else:
        # The largest first, so that none is left alone at the end.
        units.sort(key=lambda unit: -unit[0].stat().st_size)
    deadline = time.monotonic() + (options.seconds or float("inf"))
    findings, left = check_all(units, deadline)
    for path, output in findings:
        print(f"{path.relative_to(TOP)}:\n{output.strip()}")
    print(f"clang-tidy: {len(units) - left} looked at, {len(findings)} with findings",
          file=sys.stderr)
    if left:
        print(f"clang-tidy: {left} not reached in {options.seconds:g} s; ./dev lint --all looks at "
              "every one", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
