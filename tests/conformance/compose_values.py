#!/usr/bin/env python3
"""Tries forty values in every field of docs/compose.md, and compares crank with docker compose.

  compose_values.py REFERENCE CRANK [REGEX]    REFERENCE: compose_reference, built (`go build`)

Prints what differs, one line each; REGEX chooses fields. It wants python3-yaml.
"""
import collections
import concurrent.futures
import os
import re
import sys

import yaml

import compose
import compose_sources

VALUES = ["", '""', "text", '"1"', "1", "0", "-1", "1.5", "true", '"true"', "[]", "[text]", "[a=b]", "{}", "{a: b}",
          "[1]", "[null]", "{a: null}", "{a: 1}", "10m", "1m30s", '"8080:80"', "-5s", "[a, a]", "[[a]]", "{a: [b]}",
          "{a: {}}", '"a b"', '"a:b"', "1e3", "0x10", "0o17", "yes", '"/abs"', "./rel", '"~/home"',
          "99999999999999999999", '"a\\nb"', "{x-a: b}", "[{}]", '[""]']
# What an object must have beside the field that is tried.
BESIDE = [
    (r"(reservations\.devices|gpus)\[\]$", {"capabilities": ["gpu"]}),
    (r"develop\.watch\[\]$", {"path": "./p", "action": "sync", "target": "/t"}),
    (r"(post_start|pre_stop)\[\]$|watch\[\]\.exec$", {"command": ["a"]}),
    (r"provider$", {"type": "p"}),
    (r"env_file\[\]$", {"path": "a.env"}),
    (r"^models\.NAME$", {"model": "m"}),
    (r"ulimits\.NAME$", {"soft": 1, "hard": 2}),
    (r"^services\.NAME\.volumes\[\]$", {"type": "bind", "source": "/a", "target": "/t"}),
    (r"(NAME|build)\.secrets\[\]$", {"source": "s"}),
    (r"NAME\.configs\[\]$", {"source": "c"}),
    (r"depends_on\.NAME$", {"condition": "service_started"}),
    (r"extends$", {"service": "other"}),
    (r"NAME\.devices\[\]$", {"source": "/dev/a", "target": "/dev/b", "permissions": "r"}),
    (r"ports\[\]$", {"target": 80}),
    (r"(bps|iops)\[\]$", {"path": "/dev/a", "rate": 1}),
    (r"weight_device\[\]$", {"path": "/dev/a", "weight": 1}),
    (r"^(secrets|configs)\.NAME$", {"file": "./f"}),
    (r"NAME\.build$", {"context": "."}),
    (r"healthcheck$", {"test": ["CMD", "a"]}),
    (r"logging$", {"driver": "json-file"}),
    (r"discrete_resource_spec$", {"kind": "k", "value": 1}),
]
NAMES = {"services.NAME.networks": "back", "services.NAME.depends_on": "other", "services.NAME.models": "m"}
PLACE = "@@"


def fields():
    document = (compose_sources.HERE.parent.parent / "docs/compose.md").read_text()
    found = re.findall(r"^\| `([^`]+)` \|", document, re.M)
    return [path for path in found if "x-" not in path and not path.startswith(("include", "jobs"))]


def item_for(path, rest):
    """An entry of a list, with what it must have."""
    item = {}
    for pattern, beside in BESIDE:
        if re.search(pattern, path):
            item |= beside
    kind = rest[0] if rest else ""
    if path == "services.NAME.volumes[]" and kind in ("volume", "tmpfs", "image"):
        item |= {"type": kind, "source": {"volume": "v", "image": "img"}.get(kind, "")}
        if kind == "tmpfs":
            del item["source"]
    return item


def document(path, value):
    whole = {"services": {"one": {"image": "i"}, "other": {"image": "o"}}, "networks": {"back": {}},
             "secrets": {"s": {"file": "./s"}}, "configs": {"c": {"file": "./c"}}, "models": {"m": {"model": "m"}},
             "volumes": {"v": {}}}
    if path.startswith("services.NAME.build"):
        del whole["services"]["one"]["image"]
    parts, place, so_far = path.split("."), whole, ""
    for number, part in enumerate(parts):
        key = part.removesuffix("[]")
        if key == "NAME":
            key = NAMES.get(so_far, "nofile" if so_far.endswith("ulimits") else "one")
        so_far = f"{so_far}.{part}" if so_far else part
        if number == len(parts) - 1:
            place[key] = PLACE
        elif part.endswith("[]"):
            item = item_for(so_far, parts[number + 1:])
            place[key], place = [item], item
        else:
            inner = place[key] if isinstance(place.get(key), dict) else {}
            place[key] = item_for(so_far, []) | inner
            place = place[key]
    text = yaml.safe_dump(whole, sort_keys=False, default_flow_style=True, width=100000)
    return text.replace(f"'{PLACE}'", value)


def compared(one, reference, crank):
    path, value = one
    files = {"compose.yaml": document(path, value), "a.env": "A=1\n"}
    case = compose_sources.Case(f"{path}: {value}", files, ["compose.yaml"])
    with compose.Project(case) as project:
        wanted, their_error = project.run(reference)
        got, our_error = project.run(crank)
    if their_error and our_error:
        return "both refuse", ""
    if their_error or our_error:
        return ("crank accepts", their_error) if their_error else ("crank refuses", our_error)
    return ("equal", "") if wanted == got else ("differs", "")


def main(reference, crank, wanted=""):
    work = [(path, value) for path in fields() if re.search(wanted, path) for value in VALUES]
    counts = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for (path, value), (word, why) in zip(work, pool.map(lambda one: compared(one, reference, crank), work)):
            counts[word] += 1
            if word not in ("equal", "both refuse"):
                print(f"{word}\t{path}\t{value}\t{why}")
    print(len(work), dict(counts))


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
