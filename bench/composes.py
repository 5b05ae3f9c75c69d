"""What carries out a compose file: crank, docker-compose and podman-compose, as they are found."""

import json
import os
import shutil
import subprocess


PATIENCE = 300  # seconds for one command


def run(argv, env):
    return subprocess.run([str(word) for word in argv], check=True, text=True, capture_output=True,
                          timeout=PATIENCE, env={**os.environ, **env}).stdout


def reason(error):
    text = getattr(error, "stderr", None) or str(error)
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason given"


def json_of(text):
    lines = text.strip().splitlines()
    if not lines:
        raise RuntimeError("the clients ended without a count")
    return json.loads(lines[-1])


def all_of(bench):
    """(name, file and project -> the words before a verb, environment)"""
    found = []
    for engine in bench.engines:
        if engine.name == "crank":
            found.append(("crank", crank_words(engine), {}))
        if engine.name == "docker" and shutil.which("docker-compose"):
            found.append(("docker-compose", named("docker-compose"), engine.env))
        if engine.name == "podman" and shutil.which("podman-compose"):
            found.append(("podman-compose",
                          named("podman-compose", "--podman-path", podman_path(bench, engine)), {}))
    for name, program in (("docker", "docker-compose"), ("podman", "podman-compose")):
        if any(engine.name == name for engine in bench.engines) and not shutil.which(program):
            bench.missing[program] = f"there is no {program}"
    return found


def crank_words(engine):
    return lambda file, project: [*engine("compose", "-f", file, "-p", project)]


def named(*program):
    return lambda file, project: [*(str(word) for word in program), "-f", str(file), "-p", project]


def podman_path(bench, engine):
    """podman-compose knows a program, and no flags for it."""
    path = bench.scratch / "podman-for-compose"
    if not path.exists():
        path.write_text("#!/bin/sh\nexec " + " ".join(engine.prefix) + ' "$@"\n')
        path.chmod(0o755)
    return path
