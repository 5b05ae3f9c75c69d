#!/usr/bin/env python3
"""Compares `crank config --format json` with what docker compose makes of other people's compose files.

  compose.py answer CHECKOUTS REFERENCE    asks the reference, and writes the vectors anew
  compose.py check CHECKOUTS CRANK         crank against the vectors, and against compose.listed.json

As root. CHECKOUTS has a checkout (or a bare repository) of each OWNER/NAME of compose.sources. REFERENCE is
compose_reference, built (`go build`), or docker-compose itself; who asks it has python3-yaml.
"""
import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import compose_sources

# Nothing is fetched from elsewhere.
ENVIRONMENT = {"HOME": "/home/worker", "PATH": "/usr/bin:/bin", "COMPOSE_EXPERIMENTAL_GIT_REMOTE": "false",
               "COMPOSE_EXPERIMENTAL_OCI_REMOTE": "false"}
VECTORS = compose_sources.HERE.parent.parent / "src/compose/testdata/corpus"
LISTED = compose_sources.HERE / "compose.listed.json"
TRIES = 40  # of a case whose files or variables are missing
SECONDS = 20


class Project:
    """A case on disk, in a folder `project`."""

    def __init__(self, case, source=None):
        self.case, self.source = case, source
        self.stubs = {}
        # One level below the root, for "../../x" to be "/x" as it is from /project.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="crank-compose.", dir="/")) / "project"
        self.directory.mkdir()

    def __enter__(self):
        for name, text in self.case.files.items():
            self.write(name, text)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.directory.parent)

    def write(self, name, text):
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, newline="")

    def run(self, program):
        """The JSON, or the error's text."""
        flags = [word for name in self.case.order for word in ("--file", name)]
        flags += [word for profile in self.case.profiles for word in ("--profile", profile)]
        config = ["config", "--format", "json"]
        command = {"crank": [program, *config, *flags], "docker-compose": [program, *flags, *config]}.get(
            pathlib.Path(program).name, [program, *flags])
        try:
            answer = subprocess.run(command, cwd=self.directory, env=ENVIRONMENT | self.case.environment,
                                    capture_output=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return None, f"no answer within {SECONDS} seconds"
        text = (answer.stdout if answer.returncode == 0 else answer.stderr).decode()
        above = str(self.directory.parent)
        text = text.replace(str(self.directory), "/project").replace(f'"{above}"', '"/"').replace(above, "")
        if answer.returncode == 0:
            return json.loads(text), None
        lines = [line for line in text.splitlines()
                 if line.strip() and "level=warning" not in line and not line.startswith("warning:")]
        return None, lines[0] if lines else f"exit code {answer.returncode}"

    def complete(self, error):
        """Adds what the reference missed: a variable, a declaration, a file. Is there anything new?"""
        variable = re.search(r"required variable (\w+) is missing", error)
        if variable:
            self.case.environment[variable.group(1)] = "given"
            return True
        if self.declare(error):
            return True
        missing = re.search(r"(?:env file|open|stat|lstat) (/project/\S+?)(?: not found)?:", error)
        if not missing:
            return False
        name = str(pathlib.PurePosixPath(missing.group(1)).relative_to("/project"))
        if name in self.case.files:
            return False
        text = None
        if self.source is not None and self.source.kind != "markdown":
            path = self.case.name.removeprefix(self.source.repository + "/").split(":")[0]
            text = self.source.read(os.path.normpath(os.path.join(os.path.dirname(path), name)))
        if text is None and "env" in error:
            text = self.stubs[name] = "STUB=given\n"
        return text is not None and self.add(name, text)

    def declare(self, error):
        """Many examples are no whole project: what they lack stands in a file before them."""
        image = re.search(r'service "(\S+)" has neither an image|depends on undefined service "(\S+?)"', error)
        other = re.search(r"refers to undefined (volume|network|secret|config) (\S+?):", error)
        if not image and not other:
            return False
        lacking = json.loads(self.case.files.get("lacking.yaml", "{}"))
        if image:
            lacking.setdefault("services", {})[image.group(1) or image.group(2)] = {"image": "lacking"}
        else:
            lacking.setdefault(other.group(1) + "s", {})[other.group(2)] = {"external": True}
        text = json.dumps(lacking, sort_keys=True) + "\n"
        if text == self.case.files.get("lacking.yaml"):
            return False
        if "lacking.yaml" not in self.case.order:
            self.case.order.insert(0, "lacking.yaml")
        self.stubs["lacking.yaml"] = text
        return self.add("lacking.yaml", text)

    def add(self, name, text):
        self.case.files[name] = text
        self.write(name, text)
        return True


def answer_of(case, source, program):
    """And the files that no repository has."""
    with Project(case, source) as project:
        for _ in range(TRIES):
            answer, error = project.run(program)
            if error is None or not project.complete(error):
                break
        return answer, error, project.stubs


def canonical(answer):
    return json.dumps(answer, sort_keys=True, ensure_ascii=False)


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def vector(case, answer, error):
    parts = {"order": " ".join(case.order) + "\n"}
    if case.profiles:
        parts["profiles"] = " ".join(case.profiles) + "\n"
    if case.environment:
        parts["environment"] = "".join(f"{name}={value}\n" for name, value in sorted(case.environment.items()))
    parts |= {f"file {name}": text for name, text in sorted(case.files.items())}
    parts |= {"answer": canonical(answer) + "\n"} if error is None else {"error": error + "\n"}
    assert not any(re.search(r"^(====|----) ", text, re.M) for text in parts.values()), case.name
    return f"==== {case.name}\n" + "".join(f"---- {name}\n{text}" for name, text in parts.items())


def read_vectors(path):
    for part in re.split(r"^==== ", path.read_bytes().decode(), flags=re.M)[1:]:
        name, rest = part.split("\n", 1)
        pieces = re.split(r"^---- (.*)\n", rest, flags=re.M)
        parts = dict(zip(pieces[1::2], pieces[2::2]))
        files = {key[5:]: text for key, text in parts.items() if key.startswith("file ")}
        environment = dict(line.split("=", 1) for line in parts.get("environment", "").splitlines())
        case = compose_sources.Case(name, files, parts["order"].split(), parts.get("profiles", "").split(),
                                    environment)
        yield case, parts.get("answer")


def entry_of(case, answer, error, stubs):
    """Of a case whose licence lets us keep digests alone."""
    entry = {"name": case.name, "order": case.order, "profiles": case.profiles, "environment": dict(sorted(case.environment.items())),
             "stubs": stubs,
             "files": {name: sha256(text) for name, text in sorted(case.files.items()) if name not in stubs}}
    return entry | ({"answer": sha256(canonical(answer))} if error is None else {"error": error})


def listed_cases(sources):
    for entry in json.loads(LISTED.read_text()):
        repository = "/".join(entry["name"].split("/")[:2])
        source = next(s for s in sources if s.repository == repository)
        directory = os.path.dirname(entry["name"].removeprefix(repository + "/").split(":")[0])
        files = dict(entry["stubs"])
        for name, digest in entry["files"].items():
            files[name] = source.read(os.path.normpath(os.path.join(directory, name)))
            if files[name] is None or sha256(files[name]) != digest:
                sys.exit(f"{entry['name']}: {name} is not what it was")
        case = compose_sources.Case(entry["name"], files, entry["order"], entry["profiles"], entry["environment"])
        yield case, entry.get("answer")


def answer(checkouts, reference):
    counts, vectors, entries = collections.Counter(), collections.defaultdict(list), []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for source in compose_sources.read_sources(checkouts):
            cases = list(compose_sources.collect(source))
            answers = pool.map(lambda case, s=source: answer_of(case, s, reference), cases)
            for case, (text, error, stubs) in zip(cases, answers):
                counts[source.corpus, "refused" if error else "answered"] += 1
                if source.corpus == "listed":
                    entries.append(entry_of(case, text, error, stubs))
                else:
                    vectors[source.corpus].append(vector(case, text, error))
    VECTORS.mkdir(exist_ok=True)
    for corpus, texts in vectors.items():
        (VECTORS / f"{corpus}.txt").write_text("".join(texts), newline="")
    LISTED.write_text(json.dumps(entries, indent=1) + "\n")
    for key, number in sorted(counts.items()):
        print(*key, number)


def check(checkouts, crank):
    """Prints what differs and is not in differences.txt, and fails where there is any."""
    known = {line.split(" | ")[0] for line in (VECTORS / "differences.txt").read_text().splitlines()}
    cases = {path.stem: list(read_vectors(path)) for path in sorted(VECTORS.glob("*.txt"))
             if path.stem != "differences"}
    cases["listed"] = list(listed_cases(list(compose_sources.read_sources(checkouts))))
    failed = False
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for corpus, pairs in cases.items():
            counts = collections.Counter()
            for (case, expected), (text, error, _) in zip(
                    pairs, pool.map(lambda pair: answer_of(pair[0], None, crank), pairs)):
                got = None if error else canonical(text)
                wanted = expected.rstrip("\n") if expected else None
                same = got == wanted or (got is not None and sha256(got) == wanted)
                word = ("refused" if error else "equal") if same else "known" if case.name in known else "DIFFERS"
                counts[word] += 1
                if word == "DIFFERS":
                    failed = True
                    print(f"{corpus}: {case.name}: {error or got}")
            print(corpus, dict(counts))
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in ("answer", "check"):
        sys.exit(__doc__)
    sys.exit({"answer": answer, "check": check}[sys.argv[1]](sys.argv[2], sys.argv[3]))
