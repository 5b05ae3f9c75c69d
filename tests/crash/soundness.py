"""What a sound image store is, told from outside of crank: its directory, and SQLite's own library.

The store's layout is private to crank (src/store/store.h); this is the one place outside that knows
of it, because a check that asks crank alone would believe it.
"""

import os
import pathlib
import re
import sqlite3
import subprocess

import images

SECONDS = 120  # for one command; none should take so long anywhere


class Crank:
    """Commands on one store."""

    def __init__(self, program, root, state, extra=()):
        self.program = [program, "--root", str(root), *extra]
        self.root, self.state = pathlib.Path(root), pathlib.Path(state)
        self.environment = dict(os.environ, CRANK_STATE=str(state), CRANK_ROOT=str(root),
                                NO_COLOR="1", LC_ALL="C.UTF-8")

    def command(self, *arguments):
        return [*self.program, *arguments]

    def run(self, *arguments, timeout=SECONDS, **options):
        return subprocess.run(self.command(*arguments), env=self.environment, timeout=timeout,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", **options)

    def must(self, *arguments, **options):
        done = self.run(*arguments, **options)
        if done.returncode != 0:
            raise RuntimeError(f"crank {' '.join(arguments)} ended with {done.returncode}: "
                               f"{done.stdout.strip()}")
        return done.stdout

    def tags(self):
        """Tag to image id, as crank says it."""
        out = self.must("images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}")
        rows = (line.split(" ") for line in out.splitlines())
        return {name: image for name, image in rows if "<none>" not in name}


def integers(text):
    return [int(number) for number in text.split(",") if number]


def database_problems(db):
    for row in db.execute("PRAGMA integrity_check"):
        if row[0] != "ok":
            yield f"the database: {row[0]}"
    for row in db.execute("PRAGMA foreign_key_check"):
        yield f"the database: a row of {row[0]} refers to nothing in {row[2]}"
    layers = dict(db.execute("SELECT number, damaged FROM layer"))
    for name, image, numbers in db.execute(
            "SELECT t.name, i.id, i.layers FROM tag t LEFT JOIN image i ON i.number = t.image"):
        if image is None:
            yield f"the tag {name} names no image"
            continue
        for number in integers(numbers):
            if number not in layers:
                yield f"the tag {name} names an image whose layer {number} is not there"
            elif layers[number]:
                yield f"the tag {name} names an image whose layer {number} counts as damaged"


def directory_problems(root, db):
    """What no row names, and what a row names that is not there."""
    rows = {str(number) for number, in db.execute("SELECT number FROM layer")}
    trees = set(os.listdir(root / "l"))
    # containers may be using them still
    replaced = {str(number) for number, in db.execute("SELECT number FROM replaced")}
    yield from (f"l/{name} belongs to no layer" for name in sorted(trees - rows - replaced))
    yield from (f"layer {name} has no tree" for name in sorted(rows - trees))
    yield from (f"layer {name} has no tree" for name in sorted(rows & trees)
                if not (root / "l" / name / "fs").is_dir())
    merged = {str(number) for number, in db.execute("SELECT number FROM merged")}
    made = set(os.listdir(root / "m")) if (root / "m").exists() else set()
    yield from (f"m/{name} has no row" for name in sorted(made - merged))
    yield from (f"the merged tree {name} is not there" for name in sorted(merged - made))
    yield from (f"tmp/{name} was not swept" for name in sorted(os.listdir(root / "tmp")))
    for number, in db.execute("SELECT number FROM garbage"):
        yield f"layer {number} is still to be deleted"


def open_database(root):
    return sqlite3.connect(f"file:{root}/crank.db?mode=ro", uri=True)


def store_problems(root):
    """After a command that writes has swept."""
    db = open_database(root)
    try:
        yield from database_problems(db)
        yield from directory_problems(root, db)
    finally:
        db.close()


def file_of_image(root, image, path):
    """The one file that the image's layers have at `path`."""
    db = open_database(root)
    try:
        numbers, = db.execute("SELECT layers FROM image WHERE id = ?",
                              (image.removeprefix("sha256:"),)).fetchone()
    finally:
        db.close()
    file, = [tree for number in integers(numbers)
             if (tree := root / "l" / str(number) / "fs" / path).exists()]
    return file


def unneeded_layers(root):
    """Layers that no image and no step of the build cache names, after a prune."""
    db = open_database(root)
    try:
        for number, in db.execute(
                "SELECT number FROM layer WHERE number NOT IN (SELECT layer FROM image_layer) "
                "AND number NOT IN (SELECT layer FROM cache WHERE layer IS NOT NULL)"):
            yield f"layer {number} is needed by nobody and outlived a prune"
    finally:
        db.close()


def damage(crank):
    """What `image verify` says is wrong; it sweeps as every command does that writes."""
    done = crank.run("image", "verify", "--quiet")
    if done.returncode == 0 and not done.stdout:
        return []
    return done.stdout.splitlines() or [f"image verify ended with {done.returncode}"]


def prove_tag(crank, name):
    """Starts a container whose command compares every file with its digest."""
    done = crank.run("run", "--rm", "--network", "none", name, *images.PROVE)
    if done.returncode != 0:
        yield f"a container of {name} ended with {done.returncode}: {done.stdout.strip()}"


def inspect_problems(crank, names):
    for name in sorted(names):
        done = crank.run("inspect", name)
        if done.returncode != 0:
            yield f"{name} cannot be inspected: {done.stdout.strip()}"


def is_cranks(process):
    """Whose name is crank's, or whose program is its shim: that has no name of its own at first."""
    with open(f"{process}/comm", encoding="utf-8", errors="replace") as file:
        if file.read().startswith("crank"):
            return True
    return os.readlink(f"{process}/exe").startswith("/memfd:crank-shim")


def has_files_of(process, root):
    return any(os.readlink(f"{process}/fd/{fd}").startswith(root)
               for fd in os.listdir(f"{process}/fd"))


PF_EXITING = 4  # include/linux/sched.h


def is_ending(process):
    """It has lost its memory or its namespaces, but perhaps not its files and locks: those go last
    (do_exit in kernel/exit.c), before it is a zombie."""
    try:
        with open(f"{process}/stat", encoding="utf-8", errors="replace") as file:
            state, *fields = file.read().rpartition(")")[2].split()
    except OSError:
        return False
    return state not in "ZX" and int(fields[5]) & PF_EXITING != 0


def processes_of(root):
    """Processes that work on the store: crank's with files of it open, and whoever sees it mounted,
    which are those in its containers. Also whoever is ending just now: nobody can say what it had."""
    found, text = [], str(root)
    for entry in os.listdir("/proc"):
        if not re.fullmatch(r"\d+", entry) or int(entry) == os.getpid():
            continue
        process = f"/proc/{entry}"
        try:
            with open(f"{process}/mountinfo", encoding="utf-8", errors="replace") as file:
                used = text in file.read()
            if used or (is_cranks(process) and has_files_of(process, text)):
                found.append(int(entry))
        except OSError:
            if is_ending(process):
                found.append(int(entry))
    return found
