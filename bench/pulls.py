"""Pull and unpack from Debian's docker-registry on loopback: crank beside docker and podman."""

import contextlib
import os
import shutil
import socket
import subprocess
import time

PORT = 18500
REGISTRY = f"127.0.0.1:{PORT}"


@contextlib.contextmanager
def registry(directory):
    """Plain http, which every engine takes from loopback when it is asked to."""
    config = directory / "registry.yml"
    config.write_text(
        "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {directory / 'registry'}}}}}\n"
        f"http: {{addr: '{REGISTRY}'}}\n")
    with open(directory / "registry.log", "wb") as log:
        server = subprocess.Popen(["docker-registry", "serve", config], stdout=log, stderr=log)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", PORT)) == 0:
                    break
            time.sleep(0.1)
        else:
            raise OSError(f"docker-registry did not answer: {directory / 'registry.log'}")
        yield
    finally:
        server.terminate()
        server.wait()


def push(bench, root, tag):
    """`tag` from the store at `root`; returns what the registry calls it."""
    name = f"{REGISTRY}/{tag.removeprefix('localhost/')}"
    crank = [bench.bin / "crank", "--root", root]
    subprocess.run([*crank, "tag", tag, name], check=True, capture_output=True)
    subprocess.run([*crank, "push", "-q", "--tls-verify=false", name], check=True,
                   capture_output=True)
    return name


def pull_words(engine, name):
    plain = [] if engine.name == "docker" else ["--tls-verify=false"]
    return engine("pull", "-q", *plain, name)


def measure(bench, name, directory, rounds, timed):
    """Seconds of each engine's pulls into an empty store; the engines by turns."""
    found = {}
    crank = bench.bin / "crank"
    for number in range(rounds):
        root = directory / f"pull-root-{number}"
        argv = [crank, "--root", root, "pull", "-q", "--tls-verify=false", name]
        found.setdefault("crank", []).append(timed(argv)[0])
        for engine in bench.engines:
            if engine.name == "crank":
                continue
            env = {**os.environ, **dict(pair.split("=", 1) for pair in engine.env_list())}
            try:
                found.setdefault(engine.name, []).append(timed(pull_words(engine, name), env)[0])
                engine.ask("rmi", "-f", name)
            except (OSError, subprocess.CalledProcessError) as error:
                bench.missing[f"{engine.name} pull"] = str(error)
        shutil.rmtree(root)
    return {case: seconds for case, seconds in found.items() if seconds}


def missing():
    return None if shutil.which("docker-registry") else "there is no docker-registry"
