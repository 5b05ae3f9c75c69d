"""p99 of a worker that answers requests, alone and beside containers that harm their neighbours."""

import pathlib
import shutil
import time

import figures
import requests_rate

NAME = "bench-neighbour"
ROUNDS = 7
SECONDS = 2
# name, flags of run, what the hog does (bench/hog.c)
HOGS = (
    ("--cpus=0.5, spinning", ("--cpus=0.5",), "spin"),
    ("--memory=64m, a memory hog", ("--cpus=0.5", "--memory=64m"), "memory"),
    ("default pids limit, a fork bomb", ("--cpus=0.5",), "forks"),
)


def hog_name(kind):
    return f"bench-hog-{kind}"


def start_hogs(engine, tag, hogs):
    for _, flags, kind in hogs:
        engine.ask("run", "-d", "--name", hog_name(kind), "--network", "none", *flags, tag,
                   "/hog", kind)
    # until the fork bomb has reached its limit and the memory hog was killed for the first time
    time.sleep(1)


def stop_hogs(engine, hogs):
    for _, _, kind in hogs:
        engine.ask("rm", "-f", hog_name(kind))


def measure(bench, port, tag):
    """With each engine: quiet, beside each hog, beside all of them, interleaved."""
    if not shutil.which("wrk") or not requests_rate.load_everywhere(bench):
        return
    worlds = [("quiet", ())] + [(hog[0], (hog,)) for hog in HOGS] + [("all three", HOGS)]
    samples = {}
    for number, engine in enumerate(bench.engines):
        engine.ask("run", "-d", "--name", NAME, "-p", f"127.0.0.1:{port + number}:8080",
                   requests_rate.IMAGE)
        requests_rate.wait_until_answered(port + number)
        try:
            for _ in range(ROUNDS):
                for world, hogs in worlds:
                    start_hogs(engine, tag, hogs)
                    _, p99 = requests_rate.wrk(port + number, False, 1, SECONDS)
                    stop_hogs(engine, hogs)
                    samples.setdefault(engine.name, {}).setdefault(world, []).append(p99)
        finally:
            engine.ask("rm", "-f", NAME)
    bench.record("neighbours", samples, markdown(samples, [name for name, _ in worlds]))


def markdown(samples, worlds):
    rows = []
    for world in worlds:
        row = [world]
        for values in samples.values():
            quiet, here = (figures.median(values[name]) for name in ("quiet", world))
            row += [figures.show(here), figures.show(here / quiet)]
        rows.append(row)
    header = [""]
    for name in samples:
        header += [f"{name}, ms", "x quiet"]
    return "### p99 of a worker beside others\n\n" + figures.table(header, rows)
