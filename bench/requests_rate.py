"""Requests per second and p99 through a published port, beside the same program run natively."""

import re
import shutil
import subprocess
import time
import urllib.request

import figures

IMAGE = "crank-echo-cpp:latest"
ROUNDS = 3
SECONDS = 3
CONNECTIONS = 16


def wrk(port, new_connections):
    """(requests per second, p99 in milliseconds)"""
    argv = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency"]
    if new_connections:
        argv += ["-H", "Connection: close"]
    text = subprocess.run([*argv, f"http://127.0.0.1:{port}/health"], check=True, text=True,
                          capture_output=True).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", text).groups()
    return rate, float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def wait_until_answered(port):
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"no answer on port {port}")


def load_everywhere(bench):
    archive = bench.scratch / "echo.tar"
    if archive.exists():
        return True
    crank = bench.bin / "crank"
    done = subprocess.run([crank, "save", "-o", archive, IMAGE], capture_output=True, text=True) \
        if crank.exists() else None
    if done is None or done.returncode != 0:
        archive.unlink(missing_ok=True)
        bench.missing["requests rows"] = f"no image {IMAGE} here: run ./dev demo first"
        return False
    for engine in bench.engines:
        engine.load(archive)
    return True


def measure(bench, first_port):
    program = bench.bin / "echo-cpp"
    if not program.exists() or not shutil.which("wrk"):
        bench.missing["requests"] = "wrk or the program echo-cpp is missing"
        return
    engines = bench.engines if load_everywhere(bench) else []
    ports = {"native": first_port}
    native = subprocess.Popen([program], env={"PORT": str(first_port)})
    for number, engine in enumerate(engines, 1):
        ports[engine.name] = first_port + number
        engine.ask("run", "-d", "--name", "bench-echo", "-p",
                   f"127.0.0.1:{first_port + number}:8080", IMAGE)
    try:
        samples = collect(ports)
    finally:
        native.terminate()
        native.wait()
        for engine in engines:
            engine.ask("rm", "-f", "bench-echo")
    bench.record("requests", samples, markdown(samples))


def collect(ports):
    samples = {}
    for port in ports.values():
        wait_until_answered(port)
    for _ in range(ROUNDS):
        for name, port in ports.items():
            for kind in ("kept", "new"):
                rate, p99 = wrk(port, kind == "new")
                entry = samples.setdefault(name, {}).setdefault(kind, {"rate": [], "p99_ms": []})
                entry["rate"].append(rate)
                entry["p99_ms"].append(p99)
    return samples


def markdown(samples):
    rows = []
    for name, kinds in samples.items():
        row = [name]
        for kind in ("kept", "new"):
            row += [f"{figures.median(kinds[kind]['rate']):.0f}",
                    figures.show(figures.median(kinds[kind]["p99_ms"]))]
        rows.append(row)
    return (f"### Requests through a published port ({CONNECTIONS} connections)\n\n"
            + figures.table(["", "kept: requests/s", "p99, ms", "new: requests/s", "p99, ms"],
                            rows))
