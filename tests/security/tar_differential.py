#!/usr/bin/env python3
"""Compares what crank, GNU tar, bsdtar and Python make of the same archives.

usage: tar_differential.py IMPORT_LAYER SCRATCH

An honest archive is taken, and becomes the tree that the others make of it. What readers disagree
about is refused, or becomes the tree of every reader that takes it. No archive touches anything
outside its root. Prints how many of each kind there were; the first differences, and exit status 1,
if there are any.
"""

import hashlib
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tarfile

import tar_archives

SEED = 20260101
HONEST = 120
BATCH = 100


def tree_of(root):
    """Everything that tells two trees apart, but for the root's own attributes."""
    entries = {}
    for directory, names, files in os.walk(root, followlinks=False):
        for name in names + files:
            path = pathlib.Path(directory) / name
            info = path.lstat()
            key = os.fsencode(path.relative_to(root))
            what = [stat.S_IFMT(info.st_mode), stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid]
            if stat.S_ISLNK(info.st_mode):
                what = [stat.S_IFMT(info.st_mode), info.st_uid, info.st_gid,
                        os.fsencode(os.readlink(path))]
            elif stat.S_ISREG(info.st_mode):
                what += [hashlib.sha256(path.read_bytes()).hexdigest(), int(info.st_mtime)]
            elif not stat.S_ISDIR(info.st_mode):
                what += [info.st_rdev]
            entries[key] = tuple(what)
    return entries


def by_command(*argv):
    def extract(archive, into):
        done = subprocess.run([*argv, "-xpf", archive, "-C", into, "--numeric-owner"],
                              capture_output=True, check=False)
        return done.returncode == 0 and not done.stderr
    return extract


def by_python(archive, into):
    try:
        with tarfile.open(archive, errorlevel=1) as tar:
            for info in tar:
                tar.extract(info, into, numeric_owner=True)
    except (tarfile.TarError, OSError, ValueError, OverflowError, UnicodeError, KeyError):
        return False
    return True


# Where a reader is no witness: Python writes through what an earlier entry left instead of replacing
# it, and takes a regular file's name that ends in a slash, a directory since V7, for a file's.
NO_WITNESS = {"Python": ("replace-", "name-14-0")}
READERS = {"GNU tar": by_command("tar"), "bsdtar": by_command("bsdtar"), "Python": by_python}


def crank_trees(program, store, archives):
    """{archive: path of the tree, or None where it was refused}"""
    found = {}
    for at in range(0, len(archives), BATCH):
        some = archives[at:at + BATCH]
        out = subprocess.run([program, store, *some], check=True, capture_output=True).stdout
        for archive, line in zip(some, out.splitlines(), strict=True):
            word, _, rest = line.partition(b" ")
            found[archive] = os.fsdecode(rest) if word == b"tree" else None
    return found


class Comparison:
    def __init__(self, scratch):
        self.scratch = scratch
        self.differences = []
        self.taken = self.refused = 0

    def others(self, archive):
        """{reader: tree} of the readers that take the archive without a word of complaint."""
        trees = {}
        for name, extract in READERS.items():
            into = self.scratch / "other"
            into.mkdir()
            if extract(archive, into):
                trees[name] = tree_of(into)
            shutil.rmtree(into)
        return trees

    def check(self, name, archive, mine, must_take):
        if mine is None:
            self.refused += 1
            if must_take:
                self.differences.append(f"{name}: an honest archive was refused")
            return
        self.taken += 1
        tree = tree_of(mine)
        for reader, other in self.others(archive).items():
            if tree != other and not name.startswith(NO_WITNESS.get(reader, ())):
                self.differences.append(f"{name}: not as {reader}: {difference(tree, other)}")


def difference(mine, other):
    for key in sorted(mine.keys() | other.keys()):
        if mine.get(key) != other.get(key):
            return f"{key!r}: crank {mine.get(key)}, the other {other.get(key)}"
    return "the same"


def write_all(directory, archives):
    directory.mkdir()
    paths = {}
    for number, (name, data) in enumerate(archives):
        path = directory / f"{number}.tar"
        path.write_bytes(data)
        paths[str(path)] = name
    return paths


def compare(program, scratch, kind, archives, must_take):
    paths = write_all(scratch / kind, archives)
    trees = crank_trees(program, scratch / f"store-{kind}", list(paths))
    comparison = Comparison(scratch)
    for path, name in paths.items():
        comparison.check(name, path, trees[path], must_take)
    print(f"{kind}: {len(paths)} archives, {comparison.taken} taken, "
          f"{comparison.refused} refused")
    return comparison.differences


def attack(program, scratch):
    """Nothing outside may change, whatever is made of the archive."""
    outside = scratch / "outside"
    outside.mkdir(mode=0o700)
    (outside / "canary").write_text("untouched")
    before = (tree_of(outside), outside.stat().st_mode)
    paths = write_all(scratch / "attacks", tar_archives.attacks(str(outside)))
    differences = []
    for path, name in paths.items():
        crank_trees(program, scratch / "store-attacks", [path])
        if (tree_of(outside), outside.stat().st_mode) != before:
            differences.append(f"{name}: changed something outside its root")
            break
    print(f"attacks: {len(paths)} archives")
    return differences


def main():
    program, scratch = sys.argv[1], pathlib.Path(sys.argv[2])
    os.umask(0o022)  # what a directory gets that no entry speaks of: 0755
    scratch.mkdir()
    found = compare(program, scratch, "honest", tar_archives.honest(SEED, HONEST), True)
    found += compare(program, scratch, "disputed", tar_archives.disputed(SEED), False)
    found += attack(program, scratch)
    for text in found[:20]:
        print(text)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
