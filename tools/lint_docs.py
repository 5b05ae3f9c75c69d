#!/usr/bin/env python3
"""Checks docs/promises.md and the links of every Markdown file.

A promise is a list item of docs/promises.md. It ends with the tests that keep it, as links whose
text is the test's name: [`Undo.RunsLastInFirstOut`](../src/base/undo_test.cpp) for GoogleTest,
[`a name in use is refused`](../tests/spec/run.bats) for bats. Every relative link of any document
must lead to something that exists, and a test that docs/security-history.md names must be there.
"""

import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")


def documents():
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=TOP, check=True, capture_output=True, text=True).stdout.splitlines()
    return [TOP / name for name in sorted(set(listing)) if (TOP / name).exists()]


def prose(text):
    """The text without fenced code; every line stays a line."""
    def lines_only(match):
        return "\n" * match.group(0).count("\n")
    return re.sub(r"^```.*?^```", lines_only, text, flags=re.M | re.S)


def broken_links(path):
    for number, line in enumerate(prose(path.read_text()).splitlines(), 1):
        for _, target in LINK.findall(line):
            if re.match(r"[a-z]+:", target) or target.startswith("#"):
                continue
            if not (path.parent / target.split("#")[0]).exists():
                yield f"{path.relative_to(TOP)}:{number}: no such file: {target}"


def has_test(path, name):
    text = path.read_text()
    if path.suffix == ".bats":
        return re.search(r'@test\s+(["\'])' + re.escape(name) + r"\1", text) is not None
    suite, _, case = name.partition(".")
    pattern = rf"\bTEST(?:_F|_P)?\(\s*{re.escape(suite)}\s*,\s*{re.escape(case)}\s*\)"
    return re.search(pattern, text) is not None


def items(text):
    """(line number, text) of each top-level list item with its continuation lines."""
    current = None
    for number, line in enumerate(prose(text).splitlines(), 1):
        if line.startswith("- "):
            if current:
                yield current
            current = (number, line)
        elif current and line.startswith("  "):
            current = (current[0], current[1] + " " + line.strip())
        elif current:
            yield current
            current = None
    if current:
        yield current


def broken_promises(path):
    for number, item in items(path.read_text()):
        where = f"{path.relative_to(TOP)}:{number}"
        tests = [(name.strip("`"), target) for name, target in LINK.findall(item)
                 if name.startswith("`")]
        if not tests:
            yield f"{where}: a promise without a test"
        for name, target in tests:
            file = path.parent / target
            if file.is_file() and not has_test(file, name):
                yield f"{where}: {target} has no test {name}"


def missing_tests(path):
    for number, line in enumerate(prose(path.read_text()).splitlines(), 1):
        for name, target in LINK.findall(line):
            file = path.parent / target
            if name.startswith("`") and file.is_file() and not has_test(file, name.strip("`")):
                yield f"{path.relative_to(TOP)}:{number}: {target} has no test {name}"


def main():
    problems = []
    for path in documents():
        problems += broken_links(path)
    promises = TOP / "docs/promises.md"
    if promises.exists():
        problems += broken_promises(promises)
    history = TOP / "docs/security-history.md"
    if history.exists():
        problems += missing_tests(history)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
