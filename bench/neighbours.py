"""p99 of a worker that answers requests, alone and beside containers that harm their neighbours."""

import subprocess
import time

import figures
import requests_rate

NAME = "bench-neighbour"
ROUNDS = 3
RATE = 500  # requests per second: a worker that is not itself saturated
SECONDS = 10
# name, flags of run, what the hog does (bench/hog.c)
HOGS = (
    ("--cpus=0.5, spinning", ("--cpus=0.5",), "spin"),
    ("--memory=64m, a memory hog", ("--memory=64m",), "memory"),
    ("default pids limit, a fork bomb", (), "forks"),
)
ALL = "all three"


def hog_name(kind):
    return f"bench-hog-{kind}"


def start_hogs(engine, tag, hogs):
    # docker has no limit of its own
    given = ("--pids-limit=4096",) if engine.name == "docker" else ()
    for number, (_, flags, kind) in enumerate(hogs):
        # however long an engine takes for a start, the one has done its worst when the next comes
        time.sleep(0.5 if number else 0)
        engine.ask("run", "-d", "--name", hog_name(kind), "--network", "none", *flags, *given, tag,
                   "/hog", kind)


def stop_hogs(engine, hogs):
    for _, _, kind in hogs:
        engine.ask("rm", "-f", hog_name(kind))


def p99_beside(bench, engine, port, tag, hogs):
    """Milliseconds; the hogs start, and do their worst, while requests are being answered."""
    argv = [bench.bin / "bench_latency", port, "/health", RATE, SECONDS]
    with subprocess.Popen([str(word) for word in argv], stdout=subprocess.PIPE, text=True) as load:
        start_hogs(engine, tag, hogs)
        _, p99, _ = load.communicate()[0].split()
    stop_hogs(engine, hogs)
    return float(p99) / 1000


def measure(bench, port, tag):
    """Quiet, beside each hog (crank alone), beside all of them, interleaved."""
    if not requests_rate.load_everywhere(bench):
        return
    worlds = [("quiet", ())] + [(hog[0], (hog,)) for hog in HOGS] + [(ALL, HOGS)]
    samples = {}
    for number, engine in enumerate(bench.engines):
        engine.ask("run", "-d", "--name", NAME, "-p", f"127.0.0.1:{port + number}:8080",
                   requests_rate.IMAGE)
        requests_rate.wait_until_answered(port + number)
        mine = worlds if engine.name == "crank" else [worlds[0], worlds[-1]]
        try:
            for _ in range(ROUNDS):
                for world, hogs in mine:
                    p99 = p99_beside(bench, engine, port + number, tag, hogs)
                    samples.setdefault(engine.name, {}).setdefault(world, []).append(p99)
        finally:
            engine.ask("rm", "-f", NAME)
    bench.record("neighbours", samples, markdown(samples, [name for name, _ in worlds]))


def markdown(samples, worlds):
    rows = []
    for world in worlds:
        row = [world]
        for values in samples.values():
            if world not in values:
                row += ["-", "-"]
                continue
            quiet, here = (figures.median(values[name]) for name in ("quiet", world))
            row += [figures.show(here), figures.show(here / quiet)]
        rows.append(row)
    header = [""]
    for name in samples:
        header += [f"{name}, ms", "x quiet"]
    return "### p99 of a worker beside others\n\n" + figures.table(header, rows)
