"""An image as its archive has it: the configuration, and the files that its layers add up to.

`crank save` and `docker save` are read alike: manifest.json names the configuration and the layers, oldest first.
"""
import dataclasses
import hashlib
import json
import posixpath
import stat
import tarfile

WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
XATTR = "SCHILY.xattr."
KINDS = {tarfile.REGTYPE: "file", tarfile.AREGTYPE: "file", tarfile.DIRTYPE: "directory", tarfile.SYMTYPE: "link",
         tarfile.CHRTYPE: "character device", tarfile.BLKTYPE: "block device", tarfile.FIFOTYPE: "FIFO"}


@dataclasses.dataclass(frozen=True)
class Entry:
    """What a container sees of a path, times apart."""
    kind: str
    mode: int
    owner: tuple
    size: int = 0
    target: str = ""
    content: str = ""
    xattrs: tuple = ()


ABSENT = Entry("absent", 0, ())


class Image:
    """`config` is what a container is started with, `rest` the platform and the author."""

    def __init__(self, archive, parsed):
        """`parsed`: layers that were read before, by their digest."""
        with tarfile.open(archive) as tar:
            manifest, = json.load(tar.extractfile("manifest.json"))
            whole = json.load(tar.extractfile(manifest["Config"]))
            self.config = whole.get("config") or {}
            self.rest = {key: whole.get(key, "") for key in ("architecture", "os", "author")}
            self.layers = whole["rootfs"]["diff_ids"]
            self.paths = {}
            for digest, name in zip(self.layers, manifest["Layers"], strict=True):
                if digest not in parsed:
                    parsed[digest] = read_layer(tar.extractfile(follow(tar, name)), digest)
                self.apply(parsed[digest])

    def apply(self, layer):
        for path in layer.opaque:
            self.drop(path)
        for path in layer.gone:
            self.drop(path)
            self.paths.pop(path, None)
        for path, entry in layer.entries.items():
            if entry.kind != "directory" and self.paths.get(path, ABSENT).kind == "directory":
                self.drop(path)
            self.paths[path] = entry

    def drop(self, path):
        """What is below."""
        below = path.rstrip("/") + "/"
        for name in [name for name in self.paths if name.startswith(below)]:
            del self.paths[name]


def follow(tar, name):
    """docker writes a layer that it has already as a link."""
    member = tar.getmember(name)
    while member.issym() or member.islnk():
        target = member.linkname
        if member.issym():
            target = posixpath.normpath(posixpath.join(posixpath.dirname(member.name), target))
        member = tar.getmember(target)
    return member


class Layer:
    def __init__(self):
        self.entries, self.gone, self.opaque = {}, [], []


class Hashing:
    """Reads through, and keeps the digest of what went by."""

    def __init__(self, stream):
        self.stream, self.digest = stream, hashlib.sha256()

    def read(self, size=-1):
        data = self.stream.read(size)
        self.digest.update(data)
        return data


def read_layer(stream, digest):
    layer, through = Layer(), Hashing(stream)
    with tarfile.open(fileobj=through, mode="r|") as tar:
        for member in tar:
            add_member(layer, tar, member)
    while through.read(1 << 20):
        pass
    found = "sha256:" + through.digest.hexdigest()
    if found != digest:
        raise ValueError(f"a layer is {found}, and the configuration says {digest}")
    return layer


def add_member(layer, tar, member):
    path = posixpath.normpath("/" + member.name).replace("//", "/")
    parent, name = posixpath.split(path)
    if name == OPAQUE:
        layer.opaque.append(parent)
    elif name.startswith(WHITEOUT):
        layer.gone.append(posixpath.join(parent, name.removeprefix(WHITEOUT)))
    elif member.islnk():
        layer.entries[path] = layer.entries[posixpath.normpath("/" + member.linkname)]
    else:
        layer.entries[path] = entry_of(tar, member)


def entry_of(tar, member):
    kind = KINDS[member.type]
    content = hashlib.file_digest(tar.extractfile(member), "sha256").hexdigest() if kind == "file" else ""
    target = member.linkname if kind == "link" else ""
    if kind.endswith("device"):
        target = f"{member.devmajor}:{member.devminor}"
    return Entry(kind, 0 if kind == "link" else stat.S_IMODE(member.mode), (member.uid, member.gid),
                 member.size if kind == "file" else 0, target, content,
                 tuple(sorted((key.removeprefix(XATTR), value) for key, value in member.pax_headers.items()
                              if key.startswith(XATTR))))


def differences(ours, theirs):
    """(path, field, ours, theirs) for each path that is not the same."""
    for path in sorted(ours.paths.keys() | theirs.paths.keys()):
        left, right = ours.paths.get(path, ABSENT), theirs.paths.get(path, ABSENT)
        if left.kind != right.kind:
            yield path, "kind", left.kind, right.kind
            continue
        for field in ("mode", "owner", "size", "target", "content", "xattrs"):
            mine, other = getattr(left, field), getattr(right, field)
            if mine != other:
                yield path, field, mine, other


# Of the configuration, what the specification of images names for a container.
FIELDS = ("User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal", "Healthcheck",
          "Shell", "OnBuild", "ArgsEscaped")


def config_differences(ours, theirs):
    """(field, ours, theirs); what is empty and what is not there are one."""
    for field in FIELDS:
        left, right = ours.config.get(field) or None, theirs.config.get(field) or None
        if left != right:
            yield field, left, right
    for field, value in ours.rest.items():
        if value != theirs.rest[field]:
            yield field, value, theirs.rest[field]
