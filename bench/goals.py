"""What crank set itself, beside what this run measured."""

import burst
import deploy
import figures
import neighbours

# section, case, compared with, at most
RATIOS = (
    ("start", "crank, no network", "docker, no network", 0.08),
    ("start", "crank, no network", "floor", 2.5),
    ("start", "crank, published port", "floor", 4),
    ("start", "crank, published port", "docker, published port", 0.1),
    ("answer", "crank", "native", 1.15),
    ("build_nochange", "crank", "docker BuildKit", 0.5),
    ("version", "crank version", "C true", 1.5),
    ("store_mount", "60 layers", "1 layers", 1.2),
)
# A ready bundle: back to back, and after a second of idleness.
BUNDLE = {"busy": 0.8, "idle": 0.5}
MONITOR_KIB = 400
LOAD_MIB = 100
NEIGHBOUR = 2
BURST = 0.1
BEYOND_NATIVE_MS = {"cold": 100, "change": 150}
WARM_MS = 30
NO_CHANGE_MS = 50


def value(sections, section, case, column):
    values = sections.get(section, {}).get("cases", {}).get(case, {}).get(column)
    return figures.median(values) if values else None


def rows(sections):
    for section, case, other, limit in RATIOS:
        for column, shown in (("busy", "back to back"), ("idle", "idle")):
            a, b = (value(sections, section, name, column) for name in (case, other))
            ratio = a / b if a and b else None
            yield f"{case} / {other}, {shown}", ratio, limit
    for column, limit in BUNDLE.items():
        a, b = (value(sections, "start", f"{name}, ready bundle", column)
                for name in ("crank-oci", "crun"))
        yield f"crank-oci / crun, ready bundle, {column}", a / b if a and b else None, limit
    yield ("crank monitor, KiB", sections.get("memory", {}).get("crank", {}).get("kib_each"),
           MONITOR_KIB)
    for network in burst.NETWORKS:
        found = sections.get("burst", {})
        crank, docker = (found.get(f"{name}, {network}") for name in ("crank", "docker"))
        ratio = crank["seconds"] / docker["seconds"] if crank and docker else None
        yield f"{burst.COUNT} at once, network {network}, crank / docker", ratio, BURST
        yield (f"{burst.COUNT} at once, network {network}, things of crank's left",
               sum(crank["left"].values()) if crank else None, 0)
    p99 = {world: figures.median(values)
           for world, values in sections.get("neighbours", {}).get("crank", {}).items()}
    for name in (*(hog[0] for hog in neighbours.HOGS), neighbours.ALL):
        yield (f"crank, p99 beside {name} / quiet", p99[name] / p99["quiet"] if p99 else None,
               NEIGHBOUR)


def store_rows(sections):
    """Of each image: crank's load beside others', its memory, and what a second image costs."""
    for name, found in sections.get("store", {}).items():
        loads = {case: figures.median(seconds) for case, seconds in found["load"].items()}
        for other, limit in (("tar, sha256sum, sync", 1.3), ("docker", 0.3)):
            ratio = loads["crank"] / loads[other] if other in loads else None
            yield f"load of {name}, crank / {other}", ratio, limit
        pulled = {case: figures.median(seconds) for case, seconds in found.get("pull", {}).items()}
        for other in ("docker", "podman"):
            ratio = pulled["crank"] / pulled[other] if other in pulled else None
            yield f"pull of {name}, crank / {other}", ratio, 0.4
        yield f"load of {name}, peak MiB", found["peak_kib"] / 1024, LOAD_MIB
        # A tree of hard links has directories of its own; everything else can be shared. Whole
        # percents: each of its layers has a name, a list and a recipe, however little they differ.
        yield (f"second image of {name}, of the first's disk, beside its directories",
               round(found["second"] - found["second_directories"], 2), 0.1)


def deploy_rows(sections):
    found = sections.get("deploy", {})
    taken = {case: figures.median(seconds) * 1000
             for case, seconds in found.get("releases", {}).items()}
    yield "crank rollback, warm, to the first answer, ms", taken.get("warm"), WARM_MS
    for case, shown in (("cold", "crank rollback, cold"), ("change", "crank up --build")):
        beyond = taken[case] - taken["native"] if taken else None
        yield f"{shown}, to the first answer, ms beyond native", beyond, BEYOND_NATIVE_MS[case]
    nothing = value(sections, "deploy_nochange", "crank", "busy")
    yield (f"crank up, {deploy.SERVICES} services, nothing changed, ms",
           nothing / 1000 if nothing else None, NO_CHANGE_MS)
    proxies = found.get("gateway", {})
    rate, p99 = ({name: figures.median(kinds["kept"][column]) for name, kinds in proxies.items()}
                 for column in ("rate", "p99_ms"))
    yield ("kept connections, requests per second, nginx / crank-gateway",
           rate["nginx"] / rate["crank-gateway"] if rate else None, 1)
    yield ("kept connections, p99, crank-gateway / nginx",
           p99["crank-gateway"] / p99["nginx"] if p99 else None, 1)
    lost = found.get("lost", {}).get("crank")
    yield (f"requests that crank loses in {deploy.SWITCHES} switches",
           lost["failed"] if lost else None, 0)


def markdown(sections):
    def verdict(measured, limit):
        if measured is None:
            return "not measured"
        return "met" if measured <= limit else "missed"
    lines = [[name, figures.show(limit), figures.show(measured), verdict(measured, limit)]
             for name, measured, limit in (*rows(sections), *store_rows(sections),
                                       *deploy_rows(sections))]
    return "### Goals\n\n" + figures.table(["", "at most", "measured", ""], lines)
