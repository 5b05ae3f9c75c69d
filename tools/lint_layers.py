#!/usr/bin/env python3
"""Checks who includes what and who prints, by the table in tools/layers.json.

- a room includes only the rooms that its row names (tests beside the code may also use sys);
- Linux and POSIX headers are for the rooms under "system_headers" alone;
- a plan (src/*/plan*.h, .cpp) is pure: it never includes sys;
- a third-party library stays in the rooms that its row names;
- only the rooms under "prints" write to stdout or stderr; nobody uses <iostream>.
"""

import json
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
# Headers of the operating system; the standard library's own names are not here.
SYSTEM_PREFIXES = ("sys/", "linux/", "asm/", "net/", "netinet/", "netpacket/", "arpa/", "bits/")
SYSTEM_HEADERS = {
    "unistd.h", "fcntl.h", "signal.h", "poll.h", "sched.h", "spawn.h", "dirent.h",
    "pthread.h", "pwd.h", "grp.h", "shadow.h", "termios.h", "pty.h", "utmp.h", "netdb.h",
    "ifaddrs.h", "mntent.h", "syslog.h", "dlfcn.h", "ucontext.h", "utime.h", "ftw.h", "glob.h",
    "aio.h", "semaphore.h", "mqueue.h", "elf.h", "link.h",
}
PRINT = re.compile(
    r"(?<![\w.>:])(?:std::)?(?:printf|puts|putchar|perror|vprintf)\s*\("
    r"|\bf(?:printf|puts|putc|write|flush)\s*\([^;]*\bstd(?:out|err)\b"
    r"|\bstd::(?:cout|cerr|clog)\b|\bfmt::print\s*\((?!\s*\w+\s*,)")


def is_test(path):
    return path.stem.endswith("_test") or path.stem.startswith("test_")


def is_system(header):
    if header == "sys/types.h":  # names of types alone: pid_t, uid_t, mode_t
        return False
    return header in SYSTEM_HEADERS or header.startswith(SYSTEM_PREFIXES)


class Checker:
    def __init__(self, rules):
        self.rules = rules
        self.rooms = rules["rooms"]
        self.problems = []

    def report(self, path, line, text):
        self.problems.append(f"{path.relative_to(TOP)}:{line}: {text}")

    def include_problem(self, room, path, quote, header):
        top = header.split("/")[0]
        if quote == '"' and "/" in header and top in self.rooms:
            allowed = {room, *self.rooms[room]} | ({"sys"} if is_test(path) else set())
            if top not in allowed:
                return f"{room} must not include {header} (tools/layers.json)"
            if top == "sys" and path.stem.startswith("plan") and not is_test(path):
                return "a plan is pure and must not include sys"
        if quote == "<" and header == "iostream" and not is_test(path):
            return "<iostream> costs at every start: use fmt or snprintf"
        if quote == "<" and is_system(header):
            if room not in self.rules["system_headers"] and not is_test(path):
                return f"<{header}> belongs to sys: add a typed function there"
        for prefix, owners in self.rules["libraries"].items():
            if header.startswith(prefix) and room not in owners and not is_test(path):
                return f"<{header}> is for {', '.join(owners)} alone (tools/layers.json)"
        return None

    def check_file(self, room, path):
        # a program of its own (a generator that the build runs) is named by its path
        name = str(path.relative_to(TOP / "src"))
        prints = {room, name} & set(self.rules["prints"]) or is_test(path)
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if match:
                problem = self.include_problem(room, path, *match.groups())
                if problem:
                    self.report(path, number, problem)
            elif not prints and PRINT.search(line.split("//")[0]):
                self.report(path, number, f"{room} must not print: return the text or the error")

    def run(self):
        for directory in sorted(p for p in (TOP / "src").iterdir() if p.is_dir()):
            room = directory.name
            if room not in self.rooms:
                self.problems.append(f"src/{room}: no row in tools/layers.json")
                continue
            for path in sorted(directory.rglob("*")):
                if path.suffix in (".h", ".cpp", ".c"):
                    self.check_file(room, path)
        return self.problems


def cycles(rooms):
    """Rooms that reach themselves."""
    found = []
    for start in rooms:
        seen, todo = set(), list(rooms[start])
        while todo:
            room = todo.pop()
            if room == start:
                found.append(f"tools/layers.json: {start} depends on itself")
                break
            if room not in seen:
                seen.add(room)
                todo += rooms.get(room, [])
    return found


def main():
    rules = json.loads((TOP / "tools/layers.json").read_text())
    problems = cycles(rules["rooms"]) + Checker(rules).run()
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
