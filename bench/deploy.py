"""Deploys: how long until a change or a rollback answers, what an `up` without changes costs, the
gateway beside nginx, and the requests that a switch loses; compose implementations beside crank."""

import os
import pathlib
import shutil
import subprocess
import time

import builds
import composes
import figures
import http_wait
import requests_rate

ROUNDS = 7
SERVICES = 20
SWITCHES = 5
BACKEND_PORT = 8080
ECHO = "localhost/bench/echo:latest"
PAUSE = 0.005  # between two requests of a client of the load: a port that refuses is no busy loop

APP = builds.APP.replace('{"status": "ok"}', '"RELEASE"')
DOCKERFILE = """FROM {base}
COPY . /app/
CMD ["python", "-m", "uvicorn", "--app-dir", "/app", "--host", "0.0.0.0", "--port", "8000", "app:app"]
"""

NGINX = """worker_processes 1;
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    keepalive_requests 1000000;
    upstream worker {{ server {backend}; keepalive 64; keepalive_requests 1000000; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://worker;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }}
    }}
}}
"""


def measure(bench, port, tag):
    crank = next((engine for engine in bench.engines if engine.name == "crank"), None)
    if crank is None:
        return
    found = {}
    releases(bench, crank, port, found)
    no_change(bench, tag)
    if not echo_image(bench, crank):
        bench.missing["deploy, gateway and lost requests"] = "the program echo-cpp is missing"
    else:
        gateway(bench, crank, port, found)
        lost(bench, port, found)
    bench.record("deploy", found, markdown(found))


# --- from a change and from `crank rollback` to the first answer ---------------------------------

def write_app(directory, release):
    (directory / "app.py").write_text(APP.replace("RELEASE", release))


def releases(bench, crank, port, found):
    """Each round: the worker natively, a change of one line, and the way back: to what was kept frozen,
    and, after a change that kept nothing, to what has to be started."""
    if builds.base_archive(bench) is None:
        return
    directory = bench.scratch / "deploy"
    (directory / "src").mkdir(parents=True)
    (directory / "src" / "Dockerfile").write_text(DOCKERFILE.format(base=builds.BASE))
    (directory / "compose.yaml").write_text(
        "name: bench-releases\nservices:\n  web:\n    build: src\n"
        f"    ports: ['127.0.0.1:{port}:{builds.WORKER_PORT}']\n"
        "    x-crank: {rollout: {keep_warm: '${KEEP_WARM:-5m}'}}\n")
    write_app(directory / "src", "first")
    up = crank("up", "--project-directory", directory, "-f", directory / "compose.yaml", "-d",
               "--build")
    native = native_argv(bench, crank, up, directory, port + 1)
    back = crank("rollback", "-p", "bench-releases")
    samples = found.setdefault("releases", {"native": [], "change": [], "warm": [], "cold": []})
    try:
        for number in range(ROUNDS):
            samples["native"].append(timed_native(native, port + 1))
            for kind, keep in (("warm", "5m"), ("cold", "0s")):
                begin = time.monotonic()
                write_app(directory / "src", f"{kind} {number}")
                samples["change"].append(until_answer(["env", f"KEEP_WARM={keep}", *up], port,
                                                      f"{kind} {number}", begin))
                samples[kind].append(until_answer(back, port, "first", time.monotonic()))
    finally:
        crank.ask("down", "-p", "bench-releases")


def native_argv(bench, crank, up, directory, port):
    """The same bits without a container: its files, chroot, and the same command."""
    subprocess.run(up, check=True, capture_output=True)
    root = bench.scratch / "deploy-native"
    root.mkdir()
    exported = subprocess.Popen(crank("export", "bench-releases-web-1"), stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", root], stdin=exported.stdout, check=True)
    exported.wait()
    return ["chroot", str(root), "python", "-m", "uvicorn", "--app-dir", "/app", "--host",
            "127.0.0.1", "--port", str(port), "app:app"]


def timed_native(argv, port):
    begin = time.monotonic()
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as worker:
        try:
            return http_wait.until(port, "/health", "first", begin)
        finally:
            worker.terminate()


def until_answer(argv, port, text, begin):
    """Seconds; the command itself may end later: it waits for the old worker."""
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True) as command:
        taken = http_wait.until(port, "/health", text, begin)
        _, told = command.communicate()
    if command.returncode != 0:
        raise RuntimeError(told)
    return taken


# --- an `up` that has nothing to do -------------------------------------------------------------

def no_change(bench, tag):
    directory = bench.scratch / "deploy-many"
    directory.mkdir()
    services = "".join(f"  s{number}: {{image: '{tag}', command: [/pause], stop_grace_period: 0s}}\n"
                       for number in range(SERVICES))
    (directory / "compose.yaml").write_text("version: '3'\nservices:\n" + services)
    cases, started = [], []
    for name, compose, env in composes.all_of(bench):
        words = compose(directory / "compose.yaml", "bench-many")
        try:
            composes.run([*words, "up", "-d"], env)
        except subprocess.SubprocessError as error:
            bench.missing[f"{name}, {SERVICES} services"] = composes.reason(error)
            continue
        started.append((words, env))
        cases.append({"name": name, "argv": [*words, "up", "-d"],
                      "env": [f"{key}={value}" for key, value in env.items()]})
    try:
        bench.time("deploy_nochange", f"`up` of {SERVICES} services, nothing changed", cases,
                   rounds=3, idle=2)
    finally:
        for words, env in started:
            composes.run([*words, "down"], env)


# --- the gateway beside nginx ----------------------------------------------------------------------

def echo_image(bench, crank):
    """The static worker in each engine, from the build's own directory."""
    context = bench.bin.parent / "echo-cpp"
    if not (context / "Dockerfile").exists():
        return False
    archive = bench.scratch / "deploy-echo.tar"
    crank.ask("build", "-q", "-t", ECHO, context)
    crank.ask("save", "-o", archive, ECHO)
    for engine in bench.engines:
        if engine.name != "crank":
            engine.load(archive)
    return True


def echo_project(directory, port):
    directory.mkdir(exist_ok=True)
    (directory / "compose.yaml").write_text(
        f"version: '3'\nservices:\n  web:\n    image: {ECHO}\n"
        f"    ports: ['127.0.0.1:{port}:{BACKEND_PORT}']\n"
        "    environment: {ROUND: '${ROUND:-0}'}\n")
    return directory / "compose.yaml"


def gateway(bench, crank, port, found):
    if not shutil.which("nginx") or not shutil.which("wrk"):
        bench.missing["gateway beside nginx"] = "nginx or wrk is missing"
        return
    directory = bench.scratch / "deploy-gateway"
    file = echo_project(directory, port)
    crank.ask("up", "-f", file, "-p", "bench-gateway", "-d", "--wait")
    nginx = None
    try:
        address = crank.ask("inspect", "--format", "{{.NetworkSettings.Networks.bench-gateway_default."
                            "IPAddress}}", "bench-gateway-web-1").strip()
        (directory / "nginx.conf").write_text(NGINX.format(
            directory=directory, backend=f"{address}:{BACKEND_PORT}", port=port + 1))
        nginx = subprocess.Popen(["nginx", "-c", directory / "nginx.conf"])
        found["gateway"] = requests_rate.collect({"crank-gateway": port, "nginx": port + 1})
    finally:
        if nginx is not None:
            nginx.terminate()
            nginx.wait()
        crank.ask("down", "-f", file, "-p", "bench-gateway")


# --- the requests that a switch loses -----------------------------------------------------------

def lost(bench, port, found):
    load = pathlib.Path(__file__).parent.parent / "tests" / "lib" / "load.py"
    for name, compose, env in composes.all_of(bench):
        file = echo_project(bench.scratch / "deploy-lost", port)
        words = compose(file, "bench-lost")
        try:
            composes.run([*words, "up", "-d"], env)
            requests_rate.wait_until_answered(port)
            counted = switched_under_load(load, words, env, port)
            found.setdefault("lost", {})[name] = counted
        except (subprocess.SubprocessError, RuntimeError) as error:
            bench.missing[f"{name}, lost requests"] = composes.reason(error)
        finally:
            subprocess.run([*words, "down"], env={**os.environ, **env}, capture_output=True)


def switched_under_load(load, words, env, port):
    argv = ["python3", load, "127.0.0.1", str(port), "/health", str(PAUSE)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as clients:
        clients.stdout.readline()
        try:
            for number in range(1, SWITCHES + 1):
                composes.run([*words, "up", "-d"], {**env, "ROUND": str(number)})
                requests_rate.wait_until_answered(port)
        finally:
            counted = composes.json_of(clients.communicate()[0])
    return {key: counted[key] for key in ("requests", "failed", "failures")}


# --- what is printed ----------------------------------------------------------------------------

def markdown(found):
    parts = []
    if "releases" in found:
        native = figures.median(found["releases"]["native"])
        titles = {"native": "native start", "change": "a line is saved, `crank up -d --build`",
                  "warm": "`crank rollback`, to what was kept frozen",
                  "cold": "`crank rollback`, to what has to be started"}
        rows = []
        for case, title in titles.items():
            value = figures.median(found["releases"][case])
            rows.append([title, figures.show(value * 1000), figures.show((value - native) * 1000)])
        parts.append("### Until the first answer by a FastAPI worker\n\n"
                     + figures.table(["", "ms", "beyond native, ms"], rows))
    if "gateway" in found:
        parts.append(requests_rate.markdown(found["gateway"]).replace(
            "Requests through a published port", "A reverse proxy before one worker"))
    if "lost" in found:
        rows = [[name, str(one["requests"] + one["failed"]), str(one["failed"])]
                for name, one in found["lost"].items()]
        parts.append(f"### {SWITCHES} switches under load\n\n"
                     + figures.table(["", "requests", "lost"], rows))
    return "\n\n".join(parts)
