#!/usr/bin/env python3
"""./dev bench, inside its namespaces: makes the cases, has the runner time them, prints tables.

usage: bench.py --bin DIR --out DIR [--rounds N] [--idle-rounds N] [--no-peers] [SECTION...]

Sections: start version answer build memory requests burst neighbours store deploy. A case whose program or
image is missing is named as not measured, never left out in silence.
"""

import argparse
import json
import pathlib
import platform
import shutil
import subprocess
import sys

import burst
import deploy
import figures
import images
import memory
import neighbours
import peers
import requests_rate
import builds
import goals
import storage

SECTIONS = ("start", "version", "answer", "build", "memory", "requests", "burst", "neighbours",
            "store", "deploy")
TAG = "localhost/bench/tiny:latest"
PORT = 18080
PROGRAMS = ("true", "pause", "hog")


class Bench:
    def __init__(self, options):
        self.options = options
        self.bin = pathlib.Path(options.bin).resolve()
        self.out = pathlib.Path(options.out).resolve()
        self.scratch = self.out / "scratch"
        self.rootfs = self.scratch / "rootfs"
        self.missing = {}
        self.engines = []
        self.results = {"machine": machine(), "versions": peers.versions(), "sections": {}}

    def prepare(self):
        (self.rootfs / "proc").mkdir(parents=True)
        (self.rootfs / "dev").mkdir()
        for name in PROGRAMS:
            shutil.copy(self.bin / f"bench_{name}", self.rootfs / name)
        archive = self.scratch / "tiny.tar"
        images.write_archive(archive, TAG,
                             {name: self.rootfs / name for name in PROGRAMS}, ["/true"])
        for engine in list(self.engines):
            try:
                engine.load(archive)
            except (OSError, subprocess.CalledProcessError) as error:
                self.drop(engine, f"cannot load the image: {reason(error)}")
        self.make_bundle()

    def drop(self, engine, why):
        self.engines.remove(engine)
        self.missing[engine.name] = why
        print(f"bench: {engine.name}: {why}", file=sys.stderr)

    def make_bundle(self):
        if not shutil.which("runc"):
            return
        bundle = self.scratch / "bundle"
        bundle.mkdir()
        peers.run(["runc", "spec"], cwd=bundle)
        spec = json.loads((bundle / "config.json").read_text())
        spec["process"]["terminal"] = False
        spec["process"]["args"] = ["/true"]
        spec["root"]["path"] = str(self.rootfs)
        (bundle / "config.json").write_text(json.dumps(spec))

    def time(self, name, title, cases, base=None, peer=None, rounds=None, idle=None):
        """Has the runner time the cases and prints the table."""
        plan = {"busy": rounds or self.options.rounds,
                "idle": self.options.idle_rounds if idle is None else idle,
                "idle_ms": 1000, "cases": cases}
        path = self.scratch / f"{name}.plan.json"
        path.write_text(json.dumps(plan))
        print(f"bench: {title}: {len(cases)} cases", file=sys.stderr)
        samples = json.loads(peers.run([self.bin / "bench_runner", path]))
        names = {case["name"] for case in cases}
        section = figures.Section(title, samples, base if base in names else None,
                                  peer if peer in names else None)
        self.record(name, samples, section.markdown())
        return section

    def record(self, name, samples, markdown):
        self.results["sections"][name] = samples
        figures.save(self.out / f"{name}.json", samples)
        print(markdown + "\n", flush=True)

    def start(self):
        floor = self.bin / "bench_floor"
        (self.scratch / "floor").mkdir()
        common = [str(self.rootfs), str(self.scratch / "floor"), "/true"]
        v2 = [] if pathlib.Path("/sys/fs/cgroup/cpu").exists() else ["--v2"]
        cases = [{"name": "floor", "argv": [str(floor), *v2, *common]},
                 {"name": "floor, network", "argv": [str(floor), *v2, "--net", *common]}]
        for engine in self.engines:
            run = lambda *flags, e=engine: e("run", "--rm", *flags, TAG, "/true")
            cases += [
                {"name": f"{engine.name}, no network", "argv": run("--network", "none"),
                 "env": engine.env_list()},
                {"name": f"{engine.name}, published port",
                 "argv": run("-p", f"127.0.0.1:{PORT}:80"), "env": engine.env_list()}]
        for runtime in (str(self.bin / "crank-oci"), *filter(shutil.which, ("crun", "runc"))):
            name = pathlib.Path(runtime).name
            cases.append({"name": f"{name}, ready bundle", "argv": [
                runtime, "--root", f"/run/bench-{name}", "run", "-b",
                str(self.scratch / "bundle"), "bench"]})
        if shutil.which("bwrap"):
            cases.append({"name": "bubblewrap", "argv": [
                "bwrap", "--unshare-all", "--bind", str(self.rootfs), "/", "--proc", "/proc",
                "--dev", "/dev", "/true"]})
        self.time("start", "Start to end of `run --rm IMAGE /true`", cases, "floor",
                  "docker, no network")

    def version(self):
        cases = [{"name": "C true", "argv": [str(self.bin / "bench_ctrue")]},
                 {"name": "/bin/true", "argv": ["/bin/true"]}]
        for name in ("crank", "docker", "podman", "runc", "crun"):
            program = str(self.bin / "crank") if name == "crank" else shutil.which(name)
            verb = "version" if name == "crank" else "--version"
            if program and pathlib.Path(program).exists():
                cases.append({"name": f"{name} {verb}", "argv": [program, verb]})
        self.time("version", "Start-up alone", cases, "C true", rounds=60)

    def answer(self):
        """A FastAPI worker: from the command to the first answered request."""
        worker = builds.worker_image(self)
        if not worker:
            return
        cases = [{"name": "native", "argv": builds.native_worker(self, worker, PORT),
                  "answer": {"port": PORT, "path": "/health"}}]
        for engine in self.engines:
            if engine.has_image(worker):
                cases.append({
                    "name": engine.name, "env": engine.env_list(),
                    "argv": engine("run", "--rm", "--name", "bench-answer", "-p",
                                   f"127.0.0.1:{PORT}:{builds.WORKER_PORT}", worker),
                    "answer": {"port": PORT, "path": "/health"},
                    "after": [env_argv(engine, engine("rm", "-f", "bench-answer"))]})
        self.time("answer", "Worker start to first answer", cases, "native", "docker", rounds=7)

    def build(self):
        builds.measure(self)

    def memory(self):
        rows, count = [], 4
        for engine in self.engines:
            before = memory.processes()
            names = [f"bench-idle-{i}" for i in range(count)]
            for name in names:
                engine.ask("run", "-d", "--name", name, "--network", "none", TAG, "/pause")
            found = memory.watchers(before, "pause")
            for name in names:
                engine.ask("rm", "-f", name)
            each = sum(found.values()) / count
            rows.append((engine.name, each, found))
        self.record("memory", {name: {"kib_each": each, "processes": found}
                               for name, each, found in rows},
                    "### Idle memory beside one detached container (PSS)\n\n" + figures.table(
                        ["", "KiB", "processes"],
                        [[name, figures.show(each), ", ".join(sorted(found))]
                         for name, each, found in rows]))

    def requests(self):
        requests_rate.measure(self, PORT)

    def store(self):
        storage.measure(self)

    def deploy(self):
        deploy.measure(self, PORT, TAG)

    def burst(self):
        burst.measure(self, TAG)

    def neighbours(self):
        neighbours.measure(self, PORT, TAG)


def env_argv(engine, argv):
    return ["/usr/bin/env", *engine.env_list(), *argv]


def reason(error):
    text = getattr(error, "stderr", None) or str(error)
    return text.strip().splitlines()[-1] if text.strip() else "no reason given"


def machine():
    model = ""
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    cores = pathlib.Path("/proc/cpuinfo").read_text().count("processor\t")
    return f"{cores} cores, {model}, Linux {platform.release()}"


def run_sections(bench, crank):
    if crank.exists():
        bench.engines.insert(0, peers.Engine(
            "crank", [crank, "--root", bench.scratch / "crank", "--state", "/run/bench-crank"]))
    else:
        bench.missing["crank"] = f"{crank} is not built"
    bench.prepare()
    for name in bench.options.sections:
        getattr(bench, name)()
    for name, why in bench.missing.items():
        print(f"not measured: {name}: {why}\n")
    print(goals.markdown(bench.results["sections"]))
    figures.save(bench.out / "all.json", bench.results)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--idle-rounds", type=int, default=9)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("sections", nargs="*", metavar="SECTION")
    options = parser.parse_args()
    unknown = set(options.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"unknown section: {', '.join(sorted(unknown))} ({' '.join(SECTIONS)})")
    options.sections = options.sections or SECTIONS
    bench = Bench(options)
    print(f"{bench.results['machine']}\n")
    for name, text in bench.results["versions"].items():
        print(f"- {name}: {text}")
    print()
    crank = bench.bin / "crank"
    if not options.no_peers and shutil.which("podman"):
        bench.engines.append(peers.podman(bench.scratch))
    if not options.no_peers and shutil.which("dockerd") and shutil.which("docker"):
        with peers.Dockerd(bench.scratch / "docker") as daemon:
            bench.engines.insert(0, peers.Engine("docker", ["docker"], daemon.env()))
            run_sections(bench, crank)
    else:
        run_sections(bench, crank)
    return 0


if __name__ == "__main__":
    sys.exit(main())
