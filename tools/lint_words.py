#!/usr/bin/env python3
"""Checks the text of the tree: no path of one person's machine, no package registry's host (crank
and its tools use what the host is configured for), no unfinished marks, no stray merge marks."""

import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
SELF = "tools/lint_words.py"
RULES = [
    (re.compile(r"(?<![\w./$}])/(?:work/(?:wt|main|shared)|farm)/"), "a path of one machine"),
    (re.compile(r"/home/(?!worker\b|user\b|\$)\w+/"), "a path of one person's home"),
    (re.compile(r"\b(?:deb\.debian\.org|pypi\.org|pythonhosted\.org|registry\.npmjs\.org)\b"),
     "a package registry's host: use what the host is configured for"),
    (re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b"), "an unfinished mark: do it, or file an issue"),
    (re.compile(r"^(?:<{7}|>{7}) "), "a merge mark"),
]
# FILE: the text that may stand there all the same, and why.
ALLOWED = {
    # The image's own apt sources: Debian's, as in the official images, not the mirror it came from.
    "src/build/rootfs.cpp": "deb.debian.org",
}
# What others have written, as it stands there (its README says where).
OTHERS = ("src/dockerfile/testdata/buildkit/", "src/compose/testdata/corpus/")


def text_files():
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TOP, check=True, capture_output=True).stdout.decode().split("\0")
    for name in sorted(set(filter(None, listing))):
        path = TOP / name
        if name == SELF or name.startswith(OTHERS) or not path.is_file() or path.is_symlink():
            continue
        data = path.read_bytes()
        if b"\0" not in data[:8000]:
            yield name, data.decode("utf-8", "replace")


def main():
    problems = []
    for name, text in text_files():
        for number, line in enumerate(text.splitlines(), 1):
            for pattern, why in RULES:
                match = pattern.search(line)
                if match and match.group(0) != ALLOWED.get(name):
                    problems.append(f"{name}:{number}: {match.group(0)!r} is {why}")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
