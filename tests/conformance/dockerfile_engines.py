"""The two builders: each builds a case, saves its image, runs it and asks it."""
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

SECONDS = 180  # until a container answers, on a busy machine
PORT = 18080


class Engine:
    name, program, environment = "", "", {}

    def run(self, *words):
        return subprocess.run([self.program, *map(str, words)], check=True, text=True, stdin=subprocess.DEVNULL,
                              capture_output=True, env=os.environ | self.environment).stdout

    def image(self, name):
        return f"case/{name}:{self.name}"

    def save(self, name, archive):
        self.run("save", "-o", archive, self.image(name))

    def dockerfile(self, path, _without):
        """As this engine can read it."""
        return path

    def build(self, case, context):
        words = ["-f", self.dockerfile(context / case.get("dockerfile", "Dockerfile"), case.get("docker_without", []))]
        for key, value in case.get("args", {}).items():
            words += ["--build-arg", f"{key}={value}"]
        if "target" in case:
            words += ["--target", case["target"]]
        # of the host: a way out is all that a build needs, and the host is a namespace of the script's
        self.run("build", "--network", "host", "-t", self.image(case["name"]), *words, context)

    def ask(self, case):
        """What is wrong with the answer, or None."""
        words = [*case.get("flags", []), self.image(case["name"]), *case.get("command", [])]
        if "output" in case:
            said = self.run("run", "--rm", *words)
            return None if re.search(case["output"], said) else f"printed {said!r}"
        published = f"127.0.0.1:{PORT}:{case['port']}"
        container = self.run("run", "-d", "-p", published, *words).strip()
        try:
            wrong = answer_of(case) or (self.health_of(container) if case.get("healthy") else None)
            return f"{wrong}; its log ends: {self.log_of(container)}" if wrong else None
        finally:
            self.run("rm", "-f", container)

    def log_of(self, container):
        log = subprocess.run([self.program, "logs", container], env=os.environ | self.environment, capture_output=True)
        return (log.stdout + log.stderr).decode(errors="replace")[-1500:]

    def health_of(self, container):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            state = json.loads(self.run("inspect", container))[0]["State"].get("Health", {}).get("Status")
            if state == "healthy":
                return None
            time.sleep(0.5)
        return f"its health is {state}"


def answer_of(case):
    """Asks until there is the wanted answer; the last one that was not."""
    end, said = time.monotonic() + SECONDS, None
    while time.monotonic() < end:
        try:
            status, said = exchange(case) if "send" in case else get(case)
            if status == case.get("status", 200) and re.search(case["says"], said):
                return None
            said = f"answered {status}: {said[:200]!r}"
        except OSError as error:
            said = f"no answer: {error}"
        time.sleep(0.3)
    return said


def get(case):
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}{case['get']}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")


def exchange(case):
    with socket.create_connection(("127.0.0.1", PORT), timeout=10) as connection:
        connection.sendall(case["send"].encode())
        return 200, connection.recv(4096).decode(errors="replace")


class Crank(Engine):
    name, program = "crank", "crank"


class Docker(Engine):
    """Debian's dockerd, with the BuildKit that is in it."""
    # A newer client, elsewhere on the PATH, builds by a plugin.
    name, program = "docker", "/usr/bin/docker"

    def __init__(self, work, group):
        self.work, self.group, self.daemon = work, group, None
        self.environment = {"DOCKER_HOST": "unix:///run/docker.sock", "DOCKER_BUILDKIT": "1"}

    def __enter__(self):
        with open(self.work / "dockerd.log", "wb") as log:
            self.daemon = subprocess.Popen(
                ["dockerd", "--data-root", self.work / "docker", "--exec-root", "/run/docker", "--host",
                 self.environment["DOCKER_HOST"], "--pidfile", "/run/docker.pid", "--cgroup-parent", f"/{self.group}"],
                stdout=log, stderr=log)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and self.daemon.poll() is None:
            try:
                self.run("version")
                return self
            except subprocess.CalledProcessError:
                time.sleep(0.2)
        self.__exit__()
        raise RuntimeError(f"dockerd does not answer: see {self.work}/dockerd.log")

    def __exit__(self, *_):
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait(60)

    def dockerfile(self, path, without):
        """Without the line that asks for a newer BuildKit of a registry's, and without what only that one reads."""
        text = path.read_text()
        plain = re.sub(r"\A(\s*)#\s*syntax\s*=.*\n", r"\1#\n", text)
        for expression in without:
            plain, count = re.subn(expression, "", plain)
            if count != 1:
                raise ValueError(f"{path}: {expression!r} fits {count} times")
        if plain == text:
            return path
        copy = self.work / "tmp" / "Dockerfile"
        copy.write_text(plain)
        return copy

    def load(self, image):
        """From crank's store: the same base, byte for byte, under the same id."""
        known = json.loads(subprocess.run(["crank", "inspect", image], check=True, capture_output=True).stdout)[0]["Id"]
        if not self.has(known):
            archive = self.work / "tmp" / "base.tar"
            subprocess.run(["crank", "save", "-o", archive, image], check=True)
            self.run("load", "-i", archive)
            archive.unlink()
        self.run("tag", known, image)

    def has(self, image):
        return subprocess.run([self.program, "image", "inspect", image], env=os.environ | self.environment,
                              capture_output=True).returncode == 0
