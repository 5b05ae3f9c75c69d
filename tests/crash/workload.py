"""What the crash campaigns let crank do: pulls, loads, builds, tags, removals, prunes and repairs, at
random."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

import images
import soundness

ANY = "*"  # an image whose id is not known before
VERSIONS = ("one", "two", "three")
KINDS = {"pull": 5, "load": 5, "build": 4, "tag": 1, "rmi": 2, "prune": 2,
         "repair": 2}  # how often


class Registry:
    """Debian's docker-registry on loopback, over plain http."""

    def __init__(self, scratch, data, port=0, read_only=False):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            port = probe.getsockname()[1]
        self.host = f"127.0.0.1:{port}"
        config = scratch / "registry.yml"
        config.write_text(
            "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: {data}}}, "
            f"maintenance: {{readonly: {{enabled: {str(read_only).lower()}}}}}}}\n"
            f"http: {{addr: '{self.host}'}}\n")
        self.log = scratch / "registry.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL)
        self.wait(port)

    def wait(self, port):
        deadline = time.monotonic() + 120
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise RuntimeError("docker-registry does not answer: "
                                       + self.log.read_text()[-500:]) from None
                time.sleep(0.05)

    def stop(self):
        self.process.kill()
        self.process.wait()


def make_material(directory, program, registry):
    """Archives in `directory`, images in the registry, and material.json, which says what is what."""
    busybox = pathlib.Path(shutil.which("busybox")).read_bytes()
    made = {version: images.make_image(busybox, version) for version in VERSIONS}
    made["deep"] = images.make_deep_image(busybox, "deep")
    made["deeper"] = images.make_deep_image(busybox, "deeper", 16)
    material = {"pulled": {}, "archives": [], "base": "base.tar.gz", "base_id": made["one"].id}
    origin = soundness.Crank(program, directory / "origin", directory / "state")
    for version in ("one", "two", "deep"):
        name = f"team/app:{version}"
        archive = directory / "push.tar.gz"
        images.write_archive(archive, [(made[version], [f"{registry.host}/{name}"])])
        origin.must("load", "-q", "-i", str(archive))
        origin.must("push", "-q", "--tls-verify=false", f"{registry.host}/{name}")
        material["pulled"][name] = made[version].id
    shutil.rmtree(origin.root)
    # a pair changes two tags at once: both or none
    for number, versions in enumerate([["one"], ["two"], ["three"], ["deeper"], ["one", "three"],
                                       ["two", "deeper"]]):
        pairs = list(zip(versions, ["crash/loaded:a", "crash/loaded:b"]))
        images.write_archive(directory / f"load-{number}.tar.gz",
                             [(made[version], [tag]) for version, tag in pairs])
        material["archives"].append([f"load-{number}.tar.gz",
                                     {tag: made[version].id for version, tag in pairs}])
    images.write_archive(directory / material["base"], [(made["one"], ["crash/base:latest"])])
    (directory / "material.json").write_text(json.dumps(material))


class Step:
    """A command, and what the tags it touches may name afterwards (None: nothing)."""

    def __init__(self, kind, arguments, touches, atomic=True):
        self.kind, self.arguments, self.touches = kind, arguments, touches
        self.atomic = atomic  # all of the tags or none

    def run_on(self, crank):
        return lambda: crank.must(*self.arguments)

    @property
    def may_leave_damage(self):
        """It began with some, or made it."""
        return self.kind in ("spoil", "repair")

    def __str__(self):
        return " ".join(["crank", *self.arguments]) if self.arguments else self.kind


def wrong_tags(step, before, after, ended_well):
    """What of the tags is neither as before the step nor as it was to make them."""
    moved = set()  # whether the command had its effect on a tag that it was to change
    for name in sorted(set(before) | set(after) | set(step.touches)):
        old, now = before.get(name), after.get(name)
        if name not in step.touches:
            if old != now:
                yield f"the tag {name} names {now}, not {old}: the command had no business with it"
            continue
        new = step.touches[name]
        done = now == new or (new == ANY and now is not None and now != old)
        if not done and (now != old or ended_well):
            yield f"the tag {name} names {now}; before {old}, wanted {new}"
        if old != new:
            moved.add(done)
    if step.atomic and len(moved) > 1:
        yield f"only some of the tags {sorted(step.touches)} have changed"


class Workload:
    """perform(step, action): runs the step, or its action in its place; may be replaced."""

    def __init__(self, crank, material_directory, registry_host, random, scratch):
        self.crank, self.random, self.host = crank, random, registry_host
        self.directory = pathlib.Path(material_directory)
        material = json.loads((self.directory / "material.json").read_text())
        self.pulled = {f"{registry_host}/{name}": image
                       for name, image in material["pulled"].items()}
        self.archives = material["archives"]
        self.base, self.base_id = str(self.directory / material["base"]), material["base_id"]
        self.context = pathlib.Path(scratch) / "context"
        self.context.mkdir()
        self.label = random.random()
        self.builds = 0
        self.perform = lambda step, action=None: (action or step.run_on(crank))()

    def begin(self):
        self.perform(Step("load", ["load", "-q", "-i", self.base],
                          {"crash/base:latest": self.base_id}))

    def write_context(self):
        """A context that no build has seen."""
        self.builds += 1
        data = self.context / "own"
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir()
        sums = ""
        for number in range(20):
            content = images.noise(f"{self.label} {self.builds} {number}", 2000 + 3000 * number)
            (data / str(number)).write_bytes(content)
            sums += f"{images.digest(content)}  /data/own/{number}\n"
        (self.context / "sums").write_text(sums)
        (self.context / "Dockerfile").write_text(
            "FROM crash/base\nCOPY own /data/own\nCOPY sums /own-sums\n"
            'RUN ["/bin/busybox", "sh", "-c", "busybox seq 1 20000 >/data/made && '
            "busybox rm /data/small/7 && busybox grep -v small/7$ /sums >/all-sums && "
            "busybox cat /own-sums >>/all-sums && busybox sha256sum /data/made >>/all-sums && "
            'busybox mv /all-sums /sums"]\n'
            'RUN ["/bin/busybox", "sha256sum", "-c", "-s", "/sums"]\n')

    def pull(self, tags):
        name = self.random.choice(sorted(self.pulled))
        if self.random.random() < 0.8:
            # what another image has still is not fetched, so the rest goes too, mostly
            self.forget(tags, name, everything=self.random.random() < 0.6)
        return Step("pull", ["pull", "-q", "--tls-verify=false", name], {name: self.pulled[name]})

    def load(self, tags):
        file, touched = self.random.choice(self.archives)
        if self.random.random() < 0.6:
            self.forget(tags, *touched, everything=self.random.random() < 0.6)
        return Step("load", ["load", "-q", "-i", str(self.directory / file)], touched)

    def build(self, tags):
        if "crash/base:latest" not in tags:
            self.begin()
        self.write_context()
        return Step("build", ["build", "-q", "--no-cache", "-t", "crash/built:latest",
                              str(self.context)], {"crash/built:latest": ANY})

    def tag(self, tags):
        source = self.random.choice(sorted(tags))
        target = "crash/alias:" + self.random.choice("xyz")
        return Step("tag", ["tag", source, target], {target: tags[source]})

    def rmi(self, tags):
        name = self.random.choice(sorted(tags))
        return Step("rmi", ["rmi", name], {name: None})

    def prune(self, tags):
        if self.random.random() < 0.7:
            # something to prune: what a build leaves when its tag goes, and its cache
            self.write_context()
            if "crash/base:latest" in tags:
                self.perform(Step("build", ["build", "-q", "-t", "crash/built:latest",
                                            str(self.context)], {"crash/built:latest": ANY}))
                self.forget(self.crank.tags(), "crash/built:latest")
            return Step("prune", ["prune", "-f"], {})
        return Step("prune", ["prune", "-a", "-f"], dict.fromkeys(tags), atomic=False)

    def repair(self, tags):
        """Of a file that only images have which the registry knows and which archives hold, too."""
        name = self.random.choice([name for name in sorted(self.pulled) if not name.endswith("deep")])
        if name not in tags:
            self.perform(Step("pull", ["pull", "-q", "--tls-verify=false", name],
                              {name: self.pulled[name]}))
        self.perform(Step("spoil", [], {}), lambda: self.spoil(self.pulled[name]))
        return Step("repair", ["image", "verify", "--quiet", "--repair", "--tls-verify=false"], {})

    def spoil(self, image):
        with open(soundness.file_of_image(self.crank.root, image, "data/big"), "r+b") as file:
            file.seek(self.random.randrange(1 << 19))
            file.write(b"rotten")
            file.flush()
            os.fsync(file.fileno())

    def forget(self, tags, *names, everything=False):
        for name in tags if everything else names:
            if name in tags:
                self.perform(Step("rmi", ["rmi", name], {name: None}))
        if everything:
            self.perform(Step("prune", ["prune", "-f"], {}))

    def step(self, kind):
        tags = self.crank.tags()
        if kind in ("tag", "rmi") and not tags:
            kind = "load"
        return getattr(self, kind)(tags)

    def next(self):
        return self.step(self.random.choices(list(KINDS), list(KINDS.values()))[0])
