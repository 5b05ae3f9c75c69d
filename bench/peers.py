"""The engines beside crank: where they are, which version, how each is asked for the same thing.

Everything runs in namespaces of its own (tools/bench.sh): a daemon's firewall rules, bridges and
mounts never reach the host's.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import time


def run(argv, **options):
    return subprocess.run([str(word) for word in argv], check=True, text=True,
                          capture_output=True, **options).stdout


class Engine:
    """A container engine with docker's verbs: `prefix` goes before the verb."""

    def __init__(self, name, prefix, env=None, port_image_flags=()):
        self.name = name
        self.prefix = [str(word) for word in prefix]
        self.env = env or {}

    def __call__(self, *words):
        return self.prefix + [str(word) for word in words]

    def env_list(self):
        return [f"{key}={value}" for key, value in self.env.items()]

    def ask(self, *words):
        return run(self(*words), env={**os.environ, **self.env})

    def load(self, archive):
        self.ask("load", "-i", archive)

    def has_image(self, name):
        done = subprocess.run(self("image", "inspect", name), capture_output=True,
                              env={**os.environ, **self.env})
        return done.returncode == 0


class Dockerd:
    """A private daemon, stopped by its own pid."""

    def __init__(self, scratch):
        self.scratch = pathlib.Path(scratch)
        self.process = None
        self.socket = pathlib.Path("/run/bench-docker.sock")

    def __enter__(self):
        self.scratch.mkdir(parents=True, exist_ok=True)
        with open(self.scratch / "dockerd.log", "wb") as log:
            self.process = subprocess.Popen(
                ["dockerd", "--data-root", self.scratch / "data", "--exec-root",
                 "/run/bench-docker", "--host", f"unix://{self.socket}", "--pidfile",
                 "/run/bench-docker.pid", "--cgroup-parent", "/crank-bench-docker"],
                stdout=log, stderr=log)
        for _ in range(300):
            if self.process.poll() is not None:
                raise RuntimeError(f"dockerd ended: see {self.scratch}/dockerd.log")
            if self.answers():
                return self
            time.sleep(0.1)
        self.__exit__()
        raise RuntimeError("dockerd did not answer within 30 seconds")

    def answers(self):
        done = subprocess.run(["docker", "version"], capture_output=True, env=self.full_env())
        return done.returncode == 0

    def full_env(self):
        return {**os.environ, **self.env()}

    def env(self):
        return {"DOCKER_HOST": f"unix://{self.socket}", "DOCKER_BUILDKIT": "1"}

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def podman(scratch):
    return Engine("podman", [
        "podman", "--root", scratch / "podman", "--runroot", "/run/bench-podman",
        "--cgroup-manager", "cgroupfs", "--events-backend", "none"])


def buildah(scratch):
    return Engine("buildah", ["buildah", "--root", scratch / "buildah", "--runroot",
                              "/run/bench-buildah"])


def docker_for_builds():
    """A docker client that can drive BuildKit: newer ones need a plugin, Debian's has it inside."""
    for client in dict.fromkeys([shutil.which("docker"), "/usr/bin/docker"]):
        if client and os.path.exists(client):
            version = run([client, "--version"]).split()[2]
            plugin = subprocess.run([client, "buildx", "version"], capture_output=True)
            if plugin.returncode == 0 or int(version.split(".")[0]) < 23:
                return client
    return None


VERSION_COMMANDS = {
    "docker": ["docker", "--version"],
    "dockerd": ["dockerd", "--version"],
    "containerd": ["containerd", "--version"],
    "podman": ["podman", "--version"],
    "buildah": ["buildah", "--version"],
    "crun": ["crun", "--version"],
    "runc": ["runc", "--version"],
    "bubblewrap": ["bwrap", "--version"],
    "docker-compose": ["docker-compose", "--version"],
    "podman-compose": ["podman-compose", "version"],
    "nginx": ["nginx", "-v"],
}


def version_of(argv):
    """The first line with a number; some say it where errors go."""
    done = subprocess.run(argv, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines = [line for line in done.stdout.splitlines() if any(c.isdigit() for c in line)]
    return lines[0] if lines else "unknown"


def versions():
    found = {}
    for name, argv in VERSION_COMMANDS.items():
        if shutil.which(argv[0]):
            found[name] = version_of(argv)
    return found
