"""Finds compose files in checkouts of other projects (compose.sources)."""
import dataclasses
import fnmatch
import os
import pathlib
import re
import subprocess
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
LARGEST = 1 << 18  # of a file that goes into a case
ROOTS = {"services", "networks", "volumes", "configs", "secrets", "include", "models", "version", "name"}


@dataclasses.dataclass
class Case:
    """A project of a few files. `order`: those that are given with --file."""
    name: str
    files: dict
    order: list
    profiles: list = dataclasses.field(default_factory=list)
    environment: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Source:
    corpus: str
    repository: str
    commit: str
    licence: str
    kind: str  # how its compose files are found: see collect
    words: list
    git: pathlib.Path = None

    def read(self, path):
        """The file at that commit, or None."""
        answer = subprocess.run(["git", "-C", self.git, "show", f"{self.commit}:{path}"], capture_output=True)
        if answer.returncode != 0 or len(answer.stdout) > LARGEST:
            return None
        if self.kind_of(path) != "blob":
            return None
        try:
            return ended(answer.stdout.decode())
        except UnicodeDecodeError:
            return None

    def kind_of(self, path):
        return subprocess.run(["git", "-C", self.git, "cat-file", "-t", f"{self.commit}:{path}"],
                              capture_output=True, text=True).stdout.strip()

    def paths(self):
        answer = subprocess.run(["git", "-C", self.git, "ls-tree", "-r", "--name-only", self.commit],
                                capture_output=True, text=True, check=True)
        return answer.stdout.splitlines()


def ended(text):
    return text if text.endswith("\n") else text + "\n"


def read_sources(checkouts):
    for line in (HERE / "compose.sources").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        corpus, repository, commit, licence, kind, *words = line.split()
        yield Source(corpus, repository, commit, licence, kind, words, pathlib.Path(checkouts) / repository)


def mapping_of(text):
    """The first document, where it is a mapping. !reset and !override are read as nothing."""
    import yaml  # who only checks does not need it

    class Loose(yaml.SafeLoader):
        pass

    Loose.add_multi_constructor("!", lambda loader, tag, node: None)
    try:
        documents = [d for d in yaml.load_all(text, Loose) if d is not None]
    except (yaml.YAMLError, ValueError, AttributeError, TypeError):
        return None
    if not documents or not isinstance(documents[0], dict):
        return None
    return documents[0]


def is_project(mapping):
    return mapping is not None and any(key in ROOTS or str(key).startswith("x-") for key in mapping)


def whole_project(text):
    """A fragment of the specification's as a file: inside a service, or inside services."""
    mapping = mapping_of(text)
    if mapping is None or is_project(mapping):
        return text if mapping else None
    indented = "".join("    " + line if line.strip() else line for line in text.splitlines(True))
    services = all(isinstance(value, dict) and ({"image", "build", "extends"} & set(value)) for value in mapping.values())
    if services:
        return "services:\n" + indented
    if {"image", "build"} & set(mapping):
        return "services:\n  example:\n" + indented
    return "services:\n  example:\n    image: example\n" + indented


def from_markdown(source):
    """Each example is a case, and each two that follow one another in a section about merging."""
    for path in fnmatch.filter(source.paths(), source.words[0]):
        if path in source.words[1:]:
            continue
        text, before = source.read(path), None
        for block in re.finditer(r"^[ ]*```ya?ml\n(.*?)^[ ]*```", text, re.M | re.S):
            line = text.count("\n", 0, block.start()) + 2
            whole = whole_project(ended(textwrap.dedent(block.group(1))))
            if whole is None:
                continue
            yield Case(f"{path}:{line}", {"compose.yaml": whole}, ["compose.yaml"])
            near = before and "\n#" not in text[before[0]:block.start()]
            if near and ("merge" in path or "include" in path):
                yield Case(f"{path}:{line}:over", {"compose.yaml": before[1], "over.yaml": whole},
                           ["compose.yaml", "over.yaml"])
            before = (block.end(), whole)


def from_go(source):
    """Each string of the tests' that is a project is a case, and each two that a test merges."""
    seen = set()
    for path in fnmatch.filter(source.paths(), source.words[0]):
        text = source.read(path)
        if text is None or "windows" in path:
            continue
        for function in re.finditer(r"^func .*?(?=^func |\Z)", text, re.M | re.S):
            found = []
            for string in re.finditer(r"`([^`]*)`", function.group(0)):
                line = text.count("\n", 0, function.start() + string.start()) + 1
                body = ended(string.group(1).lstrip("\n"))
                if is_project(mapping_of(body)):
                    found.append((line, body))
            merges = "assertMergeYaml" in function.group(0) or "override" in function.group(0)
            for line, body in found:
                if body not in seen:
                    yield Case(f"{path}:{line}", {"compose.yaml": body}, ["compose.yaml"])
                seen.add(body)
            if merges and len(found) > 1:
                yield Case(f"{path}:{found[0][0]}:over", {"compose.yaml": found[0][1], "over.yaml": found[1][1]},
                           ["compose.yaml", "over.yaml"])


def case_of(source, name, paths):
    """The files at these paths of the repository, in the directory of the first of them."""
    directory = str(pathlib.PurePosixPath(paths[0]).parent)
    files, order = {}, []
    for path in paths:
        relative = str(pathlib.PurePosixPath(path).relative_to(directory))
        text = source.read(path)
        if text is None:
            raise SystemExit(f"{source.repository}: no {path}")
        files[relative] = text
        order.append(relative)
    dotenv = source.read(os.path.normpath(f"{directory}/.env"))
    if dotenv is not None:
        files[".env"] = dotenv
    return Case(name, files, order)


def from_paths(source):
    """Each file that matches and is a project."""
    for path in source.paths():
        if not any(fnmatch.fnmatch(path, pattern) for pattern in source.words):
            continue
        if not path.endswith((".yaml", ".yml")) or not is_project(mapping_of(source.read(path) or "")):
            continue
        yield case_of(source, path, [path])


def from_list(source):
    """Each word is a project: files joined with "+"; NAME=FILE is a file to have under that name."""
    for word in source.words:
        paths = [part for part in word.split("+") if "=" not in part]
        case = case_of(source, f"{source.repository}/{paths[0]}", paths)
        if len(paths) > 1:
            case.name += ":over:" + "+".join(pathlib.PurePosixPath(path).name for path in paths[1:])
        for part in word.split("+"):
            if "=" in part:
                name, path = part.split("=")
                case.files[name] = source.read(path)
        yield case


KINDS = {"markdown": from_markdown, "go": from_go, "paths": from_paths, "files": from_list}


def collect(source):
    """The cases, each a second time with all profiles where there are any."""
    for case in KINDS[source.kind](source):
        yield case
        if any(re.search(r"^\s+profiles:", case.files[name], re.M) for name in case.order):
            yield Case(case.name + ":profiles", dict(case.files), list(case.order), ["*"])
