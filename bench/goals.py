"""What crank set itself, beside what this run measured."""

import figures
import neighbours

# section, case, compared with, at most
RATIOS = (
    ("start", "crank, no network", "docker, no network", 0.08),
    ("start", "crank, no network", "floor", 4),
    ("start", "crank, published port", "docker, published port", 0.1),
    ("answer", "crank", "native", 1.15),
    ("build_nochange", "crank", "docker BuildKit", 0.5),
    ("version", "crank version", "C true", 1.5),
)
MONITOR_KIB = 400
NEIGHBOUR = 2


def value(sections, section, case, column):
    values = sections.get(section, {}).get("cases", {}).get(case, {}).get(column)
    return figures.median(values) if values else None


def rows(sections):
    for section, case, other, limit in RATIOS:
        for column, shown in (("busy", "back to back"), ("idle", "idle")):
            a, b = (value(sections, section, name, column) for name in (case, other))
            ratio = a / b if a and b else None
            yield f"{case} / {other}, {shown}", ratio, limit
    yield ("crank monitor, KiB", sections.get("memory", {}).get("crank", {}).get("kib_each"),
           MONITOR_KIB)
    p99 = {world: figures.median(values)
           for world, values in sections.get("neighbours", {}).get("crank", {}).items()}
    for name, _, _ in neighbours.HOGS:
        yield (f"crank, p99 beside {name} / quiet", p99[name] / p99["quiet"] if p99 else None,
               NEIGHBOUR)


def markdown(sections):
    def verdict(measured, limit):
        if measured is None:
            return "not measured"
        return "met" if measured <= limit else "missed"
    lines = [[name, figures.show(limit), figures.show(measured), verdict(measured, limit)]
             for name, measured, limit in rows(sections)]
    return "### Goals\n\n" + figures.table(["", "at most", "measured", ""], lines)
