"""What the processes beside a container cost, as the kernel shares it out (PSS)."""

import pathlib


def pss_kib(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def processes():
    """{pid: name} of every process of this pid namespace that has not ended."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            # "7 (name) S ...": the first process here waits for nobody's orphans.
            name, _, rest = stat.partition("(")[2].rpartition(")")
            if not rest.startswith(" Z"):
                found[int(entry.name)] = name
    return found


def is_container_process(pid):
    """In a pid namespace of its own: the worker or its init, not what watches it."""
    try:
        mine = pathlib.Path("/proc/self/ns/pid").readlink()
        return pathlib.Path(f"/proc/{pid}/ns/pid").readlink() != mine
    except OSError:
        return True


def watchers(before, worker_comm):
    """{name: KiB} of what appeared since `before` and is not the worker itself."""
    total = {}
    for pid, comm in processes().items():
        if pid not in before and comm != worker_comm and not is_container_process(pid):
            total[comm] = total.get(comm, 0) + pss_kib(pid)
    return total
