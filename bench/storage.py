"""The store: load and pull beside tar, docker and podman, a second image that shares most files,
deep mounts."""

import hashlib
import io
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tarfile

import figures
import pulls

ROUNDS = 3
SHAPES = {  # layers, files of each, bytes of a file
    "250 MB, 20 layers": (20, 50, (250_000, 250_000)),
    "30,000 small files": (1, 30_000, (100, 6_000)),
}


def layer_of(number, files, sizes, variant):
    """A tar; every tenth file is the variant's own."""
    lengths, out = random.Random(number), io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for index in range(files):
            if index % 100 == 0:
                directory = tarfile.TarInfo(f"l{number}-{index // 100}")
                directory.type, directory.mode, directory.mtime = tarfile.DIRTYPE, 0o755, 1
                tar.addfile(directory)
            entry = tarfile.TarInfo(f"l{number}-{index // 100}/f{index}")
            entry.size, entry.mode, entry.mtime = lengths.randint(*sizes), 0o644, 1
            seed = f"{number}/{index}/{variant if index % 10 == 0 else ''}"
            tar.addfile(entry, io.BytesIO(random.Random(seed).randbytes(entry.size)))
    return out.getvalue()


def write_image(path, tag, layers):
    """A docker-archive; also each layer's tar beside it, for tar and sha256sum."""
    apart = path.with_suffix("")
    apart.mkdir()
    ids, names = [], []
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        def add(name, data):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
        for number, data in enumerate(layers):
            ids.append("sha256:" + hashlib.sha256(data).hexdigest())
            names.append(f"{number}.tar")
            (apart / names[-1]).write_bytes(data)
            add(names[-1], data)
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/true"]},
                             "rootfs": {"type": "layers", "diff_ids": ids}}).encode()
        name = hashlib.sha256(config).hexdigest() + ".json"
        add(name, config)
        add("manifest.json", json.dumps(
            [{"Config": name, "RepoTags": [tag], "Layers": names}]).encode())
    return apart


# A small process of its own: a child's largest resident set counts its parent's before exec.
STOPWATCH = """
import os, sys, time
began = time.monotonic()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], dict(os.environ),
                      file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
_, status, usage = os.wait4(pid, 0)
print(time.monotonic() - began, usage.ru_maxrss, status)
"""


def timed(argv, env=None):
    """Seconds and the largest resident set, KiB, of a command."""
    os.sync()
    words = [sys.executable, "-S", "-c", STOPWATCH, *(str(word) for word in argv)]
    seconds, kib, status = subprocess.run(words, check=True, capture_output=True, text=True,
                                          env=env).stdout.split()
    if status != "0":
        raise OSError(f"{argv[0]} ended with status {status}")
    return float(seconds), int(kib)


def by_hand(apart, target):
    """What nobody can save: unpack every layer, hash it, sync."""
    script = ('set -e; for tar in "$1"/*.tar; do mkdir -p "$2/${tar##*/}"; '
              'tar -xf "$tar" -C "$2/${tar##*/}"; sha256sum "$tar"; done; sync -f "$2"')
    return timed(["/bin/bash", "-c", script, "by-hand", apart, target])[0]


def disk(path):
    return int(subprocess.run(["du", "-sB1", path], check=True, capture_output=True,
                              text=True).stdout.split()[0])


def directories(path):
    """What its directories take alone."""
    return sum(os.stat(top).st_blocks * 512 for top, _, _ in os.walk(path))


def second_image(crank, root, archive):
    """What it costs, and its directories alone, of the disk that the first one takes."""
    before, layers = disk(root), set((root / "l").iterdir())
    timed([crank, "--root", root, "load", "-q", "-i", archive])
    own = sum(directories(layer / "fs") for layer in set((root / "l").iterdir()) - layers)
    return {"second": disk(root) / before - 1, "second_directories": own / before}


def load_rows(bench, name, directory, results):
    layers, files, sizes = SHAPES[name]
    slug = f"{layers}x{files}"
    tag = f"localhost/bench/{slug}"
    first = directory / f"{slug}-a.tar"
    second = directory / f"{slug}-b.tar"
    apart = write_image(first, f"{tag}:a", [layer_of(n, files, sizes, "a") for n in range(layers)])
    write_image(second, f"{tag}:b", [layer_of(n, files, sizes, "b") for n in range(layers)])
    found = {"tar, sha256sum, sync": [], "crank": []}
    peak, crank = 0, bench.bin / "crank"
    # A directory of its own for each round: ext4 slows down where files were just deleted.
    for number in range(ROUNDS):
        found["tar, sha256sum, sync"].append(by_hand(apart, directory / f"{slug}-hand-{number}"))
        root = directory / f"{slug}-root-{number}"
        seconds, kib = timed([crank, "--root", root, "load", "-q", "-i", first])
        found["crank"].append(seconds)
        peak = max(peak, kib)
        for engine in bench.engines:
            if engine.name == "crank":
                continue
            argv = engine("load", "-q", "-i", first)
            env = {**os.environ, **dict(pair.split("=", 1) for pair in engine.env_list())}
            try:
                found.setdefault(engine.name, []).append(timed(argv, env)[0])
                engine.ask("rmi", "-f", f"{tag}:a")
            except (OSError, subprocess.CalledProcessError) as error:
                bench.missing[f"{engine.name} load"] = str(error)
    root = directory / f"{slug}-root-0"
    results[name] = {"load": found, "peak_kib": peak, **second_image(crank, root, second)}
    if pulls.missing():
        bench.missing[f"pull of {name}"] = pulls.missing()
        return
    with pulls.registry(directory):
        remote = pulls.push(bench, root, f"{tag}:a")
        results[name]["pull"] = pulls.measure(bench, remote, directory, ROUNDS, timed)


def mounts(bench, directory):
    """Start to end of a container of 60 layers and of one."""
    tiny = {"true": bench.rootfs / "true"}
    crank = bench.bin / "crank"
    cases = []
    for count in (1, 60):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            entry = tarfile.TarInfo("true")
            entry.mode, entry.size = 0o755, tiny["true"].stat().st_size
            tar.addfile(entry, io.BytesIO(tiny["true"].read_bytes()))
        layers = [out.getvalue()] + [layer_of(n, 3, (10, 10), "") for n in range(1, count)]
        archive = directory / f"deep-{count}.tar"
        write_image(archive, f"localhost/bench/deep:{count}", layers)
        words = [str(crank), "--root", str(directory / "deep-root"), "--state", "/run/bench-crank"]
        subprocess.run([*words, "load", "-q", "-i", archive], check=True)
        cases.append({"name": f"{count} layers", "argv": [
            *words, "run", "--rm", "--network", "none", f"localhost/bench/deep:{count}", "/true"]})
    bench.time("store_mount", "Start to end of an image of 1 and of 60 layers", cases, "1 layers")


def measure(bench):
    directory = pathlib.Path(bench.scratch) / "store"
    directory.mkdir()
    results = {}
    for name in SHAPES:
        load_rows(bench, name, directory, results)
    rows, pulled = [], []
    for name, found in results.items():
        hand = figures.median(found["load"]["tar, sha256sum, sync"])
        for case, seconds in found["load"].items():
            middle = figures.median(seconds)
            rows.append([f"{name}: {case}", figures.show(middle), figures.show(middle / hand)])
        rows.append([f"{name}: crank, peak MiB", figures.show(found["peak_kib"] / 1024), ""])
        rows.append([f"{name}: a second image, 90 % the same", figures.show(found["second"]), ""])
        rows.append([f"{name}: its directories", figures.show(found["second_directories"]), ""])
        for case, seconds in found.get("pull", {}).items():
            middle = figures.median(seconds)
            pulled.append([f"{name}: {case}", figures.show(middle),
                           figures.show(middle / figures.median(found["pull"]["crank"]))])
    bench.record("store", results, "### Load\n\n" + figures.table(
        ["", "s (or as named)", "x tar, sha256sum, sync"], rows) + "\n\n### Pull\n\n"
        + figures.table(["", "s", "x crank"], pulled))
    mounts(bench, directory)
    shutil.rmtree(directory)
