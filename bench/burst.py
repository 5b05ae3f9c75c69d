"""Many containers at once, and what they leave behind."""

import concurrent.futures
import os
import pathlib
import subprocess
import time

import figures
import memory

COUNT, CALLERS = 200, 16
PAUSE = 2  # seconds after the last one's end, before anybody looks
NETWORKS = ("none", "bridge")


def traces(engine):
    """{what: how many} of what containers are made of, in this world of the bench's own."""
    cgroups = sum(1 for top, _, _ in os.walk("/sys/fs/cgroup")
                  if any(part in top for part in ("crank", "docker", "libpod")))
    return {
        "containers": len(engine.ask("ps", "-aq").split()),
        "processes": len(memory.processes()),
        "mounts": pathlib.Path("/proc/self/mountinfo").read_text().count("\n"),
        "cgroups": cgroups,
        "network devices": len(os.listdir("/sys/class/net")),
    }


def start_all(engine, image, network):
    """Seconds until all have run to their end and are removed."""
    argv = engine("run", "--rm", "--network", network, image, "/true")
    environment = {**os.environ, **engine.env}

    def one(_):
        subprocess.run(argv, check=True, env=environment, capture_output=True)
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(one, range(COUNT)))
    return time.monotonic() - began


def measure(bench, image):
    found, rows = {}, []
    for network in NETWORKS:
        for engine in bench.engines:
            # The first one makes what stays: a bridge, a directory.
            engine.ask("run", "--rm", "--network", network, image, "/true")
            before = traces(engine)
            try:
                seconds = start_all(engine, image, network)
            except subprocess.CalledProcessError as error:
                bench.missing[f"{engine.name}, {COUNT} at once, network {network}"] = (
                    error.stderr.decode(errors="replace").strip())
                continue
            time.sleep(PAUSE)
            after = traces(engine)
            left = {what: count - before[what] for what, count in after.items()
                    if count > before[what]}
            found[f"{engine.name}, {network}"] = {"seconds": seconds, "left": left}
            shown = ", ".join(f"{count} {what}" for what, count in left.items()) or "nothing"
            rows.append([f"{engine.name}, network {network}", figures.show(seconds), shown])
    bench.record("burst", found,
                 f"### {COUNT} containers by {CALLERS} callers at once\n\n" + figures.table(
                     ["", "seconds", f"left after {PAUSE} s"], rows))
