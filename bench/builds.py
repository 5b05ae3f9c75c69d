"""Builds, and the worker that the start-to-answer row runs."""

import os
import pathlib
import shutil
import subprocess

import peers

WORKER_PORT = 8000
BASE = "crank-worker-base:latest"
WORKER = "localhost/bench/worker:latest"

APP = '''from fastapi import FastAPI

app = FastAPI()


@app.get("/health")
def health():
    return {"status": "ok"}
'''

DOCKERFILE = """FROM {base}
COPY app.py /app/app.py
RUN {run}
COPY . /app/
CMD ["python", "-m", "uvicorn", "--app-dir", "/app", "--host", "0.0.0.0", "--port", "8000", "app:app"]
"""


def base_archive(bench):
    """The base worker image out of the user's own store, or None where it was never built."""
    archive = bench.scratch / "base.tar"
    if archive.exists():
        return archive
    crank = bench.bin / "crank"
    if not crank.exists():
        return None
    done = subprocess.run([crank, "save", "-o", archive, BASE], capture_output=True, text=True)
    if done.returncode != 0:
        archive.unlink(missing_ok=True)
        bench.missing["worker rows"] = f"no image {BASE} here: run ./dev demo first"
        return None
    for engine in bench.engines:
        engine.load(archive)
    return archive


def context(bench):
    """A worker's build context: FastAPI on the base image, or the tiny image where that lacks."""
    directory = bench.scratch / "context"
    if not directory.exists():
        directory.mkdir()
        with_base = base_archive(bench) is not None
        (directory / "app.py").write_text(APP)
        (directory / "notes.txt").write_text("one\n")
        (directory / "Dockerfile").write_text(DOCKERFILE.format(
            base=BASE if with_base else "localhost/bench/tiny:latest",
            run='["python", "-m", "compileall", "-q", "/app"]' if with_base else '["/true"]'))
    return directory


def builders(bench):
    """(name, argv of a build, argv of a build without cache, environment)"""
    directory = str(context(bench))
    found = []
    for engine in bench.engines:
        if engine.name == "crank":
            words = ["build", "-q", "-t", WORKER]
            found.append(("crank", engine(*words, directory),
                          engine(*words, "--no-cache", directory), []))
        if engine.name == "docker":
            client = peers.docker_for_builds()
            words = ["build", "-q", "-t", WORKER]
            if client:
                found.append(("docker BuildKit", [client, *words, directory],
                              [client, *words, "--no-cache", directory], engine.env_list()))
    if shutil.which("buildah") and not bench.options.no_peers:
        engine = peers.buildah(bench.scratch)
        words = ["bud", "-q", "--pull-never", "-t", WORKER]
        if load_into_buildah(bench, engine):
            found.append(("buildah", engine(*words, "--layers", directory),
                          engine(*words, "--no-cache", directory), []))
    return found


def load_into_buildah(bench, engine):
    archives = [bench.scratch / "tiny.tar", bench.scratch / "base.tar"]
    for archive in filter(pathlib.Path.exists, archives):
        done = subprocess.run(engine("pull", "-q", f"docker-archive:{archive}"),
                              capture_output=True, text=True)
        if done.returncode != 0:
            bench.missing["buildah"] = done.stderr.strip()
            return False
    return True


def measure(bench):
    directory = context(bench)
    cases = {"nochange": [], "changed": [], "nocache": []}
    # A line of the application changes before each run; not timed.
    change = ["python3", "-c",
              f"import time; open({str(directory / 'notes.txt')!r}, 'w').write(str(time.time()))"]
    for name, argv, no_cache, env in builders(bench):
        cases["nochange"].append({"name": name, "argv": argv, "env": env})
        cases["changed"].append({"name": name, "argv": argv, "env": env, "before": [change]})
        cases["nocache"].append({"name": name, "argv": no_cache, "env": env})
    titles = {"nochange": "Build, nothing changed", "changed": "Build, one line changed",
              "nocache": "Build without cache"}
    for key, title in titles.items():
        if cases[key]:
            bench.time(f"build_{key}", title, cases[key], peer="docker BuildKit", rounds=7,
                       idle=5 if key == "nochange" else 3)


def worker_image(bench):
    """Builds the worker with each engine's own builder; the tag, or None without the base."""
    if base_archive(bench) is None:
        return None
    for name, argv, _, env in builders(bench):
        done = subprocess.run(argv, capture_output=True, text=True,
                              env={**os.environ, **dict(e.split("=", 1) for e in env)})
        if done.returncode != 0:
            bench.missing[f"{name} worker"] = done.stderr.strip().splitlines()[-1]
    share_with_podman(bench)
    return WORKER


def share_with_podman(bench):
    """podman runs what crank built, from crank's own archive."""
    by_name = {engine.name: engine for engine in bench.engines}
    if "crank" in by_name and "podman" in by_name:
        archive = bench.scratch / "worker.tar"
        by_name["crank"].ask("save", "-o", archive, WORKER)
        by_name["podman"].load(archive)


def native_worker(bench, image, port):
    """The same bits without a container: the image's files, chroot, and the same command."""
    root = bench.scratch / "native"
    if not root.exists():
        podman = next(e for e in bench.engines if e.name in ("podman", "docker"))
        name = podman.ask("create", image).strip()
        root.mkdir()
        exported = subprocess.Popen(podman("export", name), stdout=subprocess.PIPE,
                                    env={**os.environ, **podman.env})
        subprocess.run(["tar", "-x", "-C", root], stdin=exported.stdout, check=True)
        exported.wait()
        podman.ask("rm", name)
    return ["chroot", str(root), "python", "-m", "uvicorn", "--app-dir", "/app", "--host",
            "127.0.0.1", "--port", str(port), "app:app"]
