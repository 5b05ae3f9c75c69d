"""Images for the crash campaigns, as archives that crank loads: the same bytes for the same arguments.

Every image holds a static busybox and /sums, the digests of all its other files, so that a container
of it can prove that it sees all of them.
"""

import gzip
import hashlib
import io
import json
import platform
import random
import tarfile

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "unknown")
PROVE = ["/bin/busybox", "sha256sum", "-c", "-s", "/sums"]


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Layer:
    """A tar in the making. A path that comes twice makes crank keep the tar beside the tree."""

    def __init__(self):
        self.buffer = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.buffer, mode="w", format=tarfile.PAX_FORMAT)
        self.sums = {}

    def directory(self, path):
        info = tarfile.TarInfo(path)
        info.type, info.mode, info.mtime = tarfile.DIRTYPE, 0o755, 1_600_000_000
        self.tar.addfile(info)

    def file(self, path, data, mode=0o644):
        info = tarfile.TarInfo(path)
        info.size, info.mode, info.mtime = len(data), mode, 1_600_000_000
        self.tar.addfile(info, io.BytesIO(data))
        self.sums[path] = digest(data)

    def finish(self):
        self.tar.close()
        return self.buffer.getvalue()


def noise(seed, size):
    return random.Random(seed).randbytes(size)


def base_layer(busybox):
    layer = Layer()
    for path in ("bin", "data", "tmp"):
        layer.directory(path)
    layer.file("bin/busybox", busybox, 0o755)
    return layer


def small_files(version):
    """A third differs from version to version, the rest is the same in all."""
    layer = Layer()
    layer.directory("data/small")
    for number in range(60):
        own = version if number % 3 == 0 else "all"
        layer.file(f"data/small/{number}", f"{number} of {own}\n".encode() * (1 + number * 20))
    return layer


def replaced_file(version):
    layer = Layer()
    layer.file("data/twice", b"the first, which no tree keeps\n")
    layer.file("data/twice", f"the second of {version}\n".encode() * 500)
    return layer


def big_file(version, size):
    layer = Layer()
    layer.file("data/big", noise(f"big {version}", size))
    return layer


def sums_layer(layers):
    sums = {}
    for layer in layers:
        sums.update(layer.sums)
    layer = Layer()
    layer.file("sums", "".join(f"{value}  /{path}\n" for path, value in sorted(sums.items())).encode())
    return layer


class Image:
    """layers: tars, the lowest first. id: the configuration's digest."""

    def __init__(self, layers):
        self.layers = [layer.finish() for layer in [*layers, sums_layer(layers)]]
        config = {
            "architecture": ARCHITECTURE, "os": "linux",
            "config": {"Cmd": PROVE, "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest(tar) for tar in self.layers]},
        }
        self.config = json.dumps(config, sort_keys=True).encode()
        self.id = "sha256:" + digest(self.config)


def make_image(busybox, version, big=1 << 20):
    return Image([base_layer(busybox), small_files(version), replaced_file(version),
                  big_file(version, big)])


def make_deep_image(busybox, version, count=12):
    """More layers than an overlay gets: the lowest are merged."""
    layers = [base_layer(busybox)]
    for number in range(count):
        layer = Layer()
        layer.file(f"data/deep-{number}", f"{number} of {version if number % 4 == 0 else 'all'}\n"
                   .encode() * 300)
        layers.append(layer)
    return Image(layers)


def write_archive(path, images):
    """A docker-archive, compressed. images: (Image, [tags])."""
    with gzip.GzipFile(path, "wb", compresslevel=1, mtime=0) as out:
        tar = tarfile.open(fileobj=out, mode="w|")
        manifest, written = [], set()

        def add(name, data):
            if name not in written:
                written.add(name)
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))

        for image, tags in images:
            names = []
            for layer in image.layers:
                names.append(digest(layer) + "/layer.tar")
                add(names[-1], layer)
            add(digest(image.config) + ".json", image.config)
            manifest.append({"Config": digest(image.config) + ".json", "RepoTags": tags,
                             "Layers": names})
        add("manifest.json", json.dumps(manifest).encode())
        tar.close()
