#!/usr/bin/env python3
"""Names every verb and flag that no transcript of tests/spec types.

The verbs and flags are those of docs/reference/cli, which ./dev lint holds equal to the tables that
crank parses by. A flag counts where a test types it behind its verb (`crank run --memory 4m`), or in
a line without a verb of its own (`flags=(--memory 4m)`, a table of cases) of a test that types the
verb; the functions of tests/lib that call crank count as the verb that they call. A letter counts as
its flag.
"""

import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
PAGE_FLAG = re.compile(r"^\| `(?:-(?P<letter>\w), )?--(?P<name>[a-z0-9-]+)")
TYPED_FLAG = re.compile(r"(?<![\w/.-])(--[a-z][a-z0-9-]*|-[A-Za-z]+)")
GLOBALS_WITH_VALUE = ("--root", "--state", "--config")
# A function that passes all on to crank: `other() { crank --root other "$@"; }`.
RUNNER = re.compile(r'^(\w+)\(\) \{ crank .*"\$@"; \}', re.M)


def call_of(runners):
    """crank, or one of these functions, and what stands behind it up to the command's end."""
    return re.compile(r"\b(?:" + "|".join(["crank", *runners]) + r")((?:[ \t]+[^\s|;&<>)]+)+)")


def pages():
    """Verb -> {flag: letter}."""
    verbs, also = {}, {}
    for path in sorted((TOP / "docs/reference/cli").glob("*.md")):
        text = path.read_text()
        title = re.match(r"# crank (.*)", text)
        if not title:
            continue
        name = title.group(1)
        verbs[name] = {}
        # behind it stand the flags that are refused (docker_words.bats)
        for line in text.split("\nDocker's that crank does not have")[0].splitlines():
            if found := PAGE_FLAG.match(line):
                verbs[name][found["name"]] = found["letter"]
            if line.startswith("Also `"):
                for typed in re.findall(r"`crank ([^`]+)`", line):
                    also[typed] = name
    return verbs, also


def logical_lines(text):
    """Lines with what a backslash or an open quote or array continues."""
    return re.sub(r"\\\n\s*", " ", text).splitlines()


def blocks(path):
    """(name, lines) of each test and function of a .bats or .bash file."""
    name, lines = "", []
    for line in logical_lines(path.read_text()):
        opened = re.match(r"(?:@test\s+(?P<test>.*)\s+|(?P<function>\w+)\(\)\s*)[{(]", line)
        if opened:
            yield name, lines
            name, lines = opened["function"] or "", []
            line = line[opened.end():]
        lines.append(line)
    yield name, lines


def calls_of(line, call, verbs, also):
    """(verb, words) of each crank in the line."""
    for found in call.finditer(line):
        words = found.group(1).split()
        while words and words[0].startswith("-"):
            words = words[2:] if words[0] in GLOBALS_WITH_VALUE else words[1:]
        for count in (2, 1):
            typed = " ".join(words[:count])
            verb = also.get(typed, typed if typed in verbs else None)
            if verb:
                yield verb, words[count:]
                break


def flags_in(text, letters):
    """Names of the flags that a text types; letters: letter -> name."""
    names = set()
    for word in TYPED_FLAG.findall(text):
        if word.startswith("--"):
            names.add(word[2:])
        else:
            names.update(letters.get(letter, "") for letter in word[1:])
    return names


def typed(verbs, also):
    """Verb -> the flags that transcripts type behind it."""
    letters = {verb: {letter: name for name, letter in flags.items() if letter}
               for verb, flags in verbs.items()}
    seen = {}
    helpers = {}
    files = sorted((TOP / "tests/lib").glob("*.bash")) + sorted((TOP / "tests/spec").glob("*.bats"))
    for path in files:
        local = dict(helpers)
        call = call_of(RUNNER.findall(path.read_text()))
        parts = list(blocks(path))
        for name, lines in parts:
            called = {verb for line in lines for verb, _ in calls_of(line, call, verbs, also)}
            if name:
                (helpers if path.suffix == ".bash" else local)[name] = called
        local.update(helpers)
        for _, lines in parts:
            block_verbs, loose = set(), []
            for line in lines:
                calls = list(calls_of(line, call, verbs, also))
                for verb, words in calls:
                    seen.setdefault(verb, set()).update(flags_in(" ".join(words), letters[verb]))
                    block_verbs.add(verb)
                helper_verbs = set().union(*(local.get(word, set())
                                             for word in re.findall(r"\w+", line)))
                block_verbs |= helper_verbs
                if not calls:
                    loose.append(line)
            for verb in block_verbs:
                seen.setdefault(verb, set()).update(flags_in("\n".join(loose), letters[verb]))
    return seen


def main():
    verbs, also = pages()
    seen = typed(verbs, also)
    problems = []
    for verb, flags in sorted(verbs.items()):
        if verb not in seen:
            problems.append(f"crank {verb}: no transcript of tests/spec types it")
            continue
        problems += [f"crank {verb} --{flag}: no transcript of tests/spec types it"
                     for flag in flags if flag not in seen[verb]]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
