"""Images that every engine can load: a docker-archive made of a few files, byte by byte."""

import hashlib
import io
import json
import tarfile


def add(tar, name, data, mode=0o644):
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(data), mode, 1
    tar.addfile(info, io.BytesIO(data))


def layer_of(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, source in sorted(files.items()):
            add(tar, name, source.read_bytes(), 0o755)
    return out.getvalue()


def write_archive(path, tag, files, cmd):
    """files: {name in the image: path here}. One layer, no shell, no libc."""
    layer = layer_of(files)
    diff_id = "sha256:" + hashlib.sha256(layer).hexdigest()
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"Cmd": cmd},
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created": "1970-01-01T00:00:01Z", "created_by": "bench"}],
        "created": "1970-01-01T00:00:01Z",
    }).encode()
    name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = json.dumps(
        [{"Config": name, "RepoTags": [tag], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        add(tar, name, config)
        add(tar, "layer.tar", layer)
        add(tar, "manifest.json", manifest)
