#!/usr/bin/env python3
"""Checks the size budget: files over 400 lines and functions over 40 want splitting by step.

Over the budget is a warning, unless tools/size_allow.txt accepts it with a reason; over 600 lines
or 80 is an error that no reason lifts. Tests may be longer by half (files) and twice (functions).
An entry that is not needed any more is an error, so that the list stays true.
"""

import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
ALLOW = TOP / "tools/size_allow.txt"
CONTAINER = re.compile(r"\b(?:namespace|class|struct|union|enum|extern)\b")
NAME = re.compile(r"((?:[\w~]+::)*(?:[\w~]+|operator\s*[^\s\w(]+))\s*\(")
STRIP = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<!\w)\'(?:\\.|[^\'\\\n])+\'',
    re.S)


def blank(text):
    """The text without comments, strings and preprocessor lines; every line stays a line."""
    def lines_only(match):
        return "\n" * match.group(0).count("\n")
    text = STRIP.sub(lines_only, text)
    return re.sub(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", lines_only, text, flags=re.M)


def functions(text):
    """(name, first line, lines) of every function body at namespace or class level."""
    scopes, head, line, found = [], "", 1, []
    for char in blank(text):
        if char == "\n":
            line += 1
        inside = any(kind == "function" for kind, _, _ in scopes)
        if char == "{":
            kind = "block"
            if not inside:
                # `struct X f() {` is a function; `struct X {` and `namespace {` are not
                is_container = CONTAINER.search(head) and "(" not in head
                kind = "container" if is_container or "=" in head.split("(")[0] else "function"
            scopes.append((kind, head, line))
            head = ""
        elif char == "}":
            if scopes:
                kind, title, first = scopes.pop()
                if kind == "function" and "(" in title:
                    match = NAME.search(title)
                    name = match.group(1) if match else "?"
                    if name in ("TEST", "TEST_F", "TEST_P"):
                        name = "TEST(" + title.split("(", 1)[1].split(")")[0] + ")"
                    found.append((name, first, line - first + 1))
            head = ""
        elif char == ";" and not inside:
            head = ""
        else:
            head += char
    return found


def budgets(path):
    """Soft and hard limit for the file's lines, then for a function's."""
    if path.stem.endswith("_test"):
        return (600, 900), (80, 160)
    return (400, 600), (40, 80)


def over_budget():
    """(key, lines, soft, hard) of everything over its soft limit."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.c", "*.cpp", "*.h"],
        cwd=TOP, check=True, capture_output=True, text=True).stdout.split()
    for name in sorted(set(listing)):
        path = TOP / name
        if not path.exists():
            continue
        text = path.read_text()
        file_limits, function_limits = budgets(path)
        if text.count("\n") > file_limits[0]:
            yield name, text.count("\n"), *file_limits
        for function, _, lines in functions(text):
            if lines > function_limits[0]:
                yield f"{name}:{function}", lines, *function_limits


def allowed():
    reasons = {}
    for line in ALLOW.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            key, _, reason = line.partition("  ")
            reasons[key.strip()] = reason.strip()
    return reasons


def main():
    reasons, errors, used = allowed(), [], set()
    for key, lines, soft, hard in over_budget():
        used.add(key)
        if lines > hard:
            errors.append(f"{key}: {lines} lines, the limit is {hard}: split it by step")
        elif key not in reasons:
            print(f"warning: {key}: {lines} lines, the budget is {soft}", file=sys.stderr)
        elif not reasons[key]:
            errors.append(f"tools/size_allow.txt: {key} has no reason")
    errors += [f"tools/size_allow.txt: {key} is within its budget now: remove the line"
               for key in reasons if key not in used]
    for error in errors:
        print(error)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
