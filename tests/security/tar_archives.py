"""The archives of tar_differential.py: honest ones, and such as readers disagree about.

Every archive is made of bytes, by a seeded generator: the same each time.
"""

import copy
import io
import random
import tarfile

BLOCK = 512
FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


# --- headers by hand -----------------------------------------------------------------------------

def octal(value, width):
    return b"%0*o\0" % (width - 1, value)


def header(name, size=0, kind=b"0", mode=0o644, uid=0, gid=0, mtime=1, link=b"", magic=b"ustar\00000",
           prefix=b"", size_field=None, checksum=None):
    fields = [name[:100].ljust(100, b"\0"), octal(mode, 8), octal(uid, 8), octal(gid, 8),
              size_field or octal(size, 12), octal(mtime, 12), b" " * 8, kind,
              link[:100].ljust(100, b"\0"), magic, b"\0" * 32, b"\0" * 32, octal(0, 8), octal(0, 8),
              prefix.ljust(155, b"\0")]
    block = b"".join(fields).ljust(BLOCK, b"\0")
    total = sum(block) if checksum is None else checksum
    return block[:148] + b"%06o\0 " % total + block[156:]


def padded(data):
    return data + b"\0" * (-len(data) % BLOCK)


def record(key, value):
    size = len(key) + len(value) + 3
    while len(str(size)) + len(key) + len(value) + 3 != size:
        size = len(str(size)) + len(key) + len(value) + 3
    return b"%d %s=%s\n" % (size, key, value)


def pax(records, kind=b"x"):
    return header(b"pax", len(records), kind) + padded(records)


def entry(name, data=b"", **fields):
    return header(name, len(data), **fields) + padded(data)


END = b"\0" * (2 * BLOCK)


# --- honest archives -----------------------------------------------------------------------------

def name_of(generator, length):
    letters = "abcdefghijklmnopqrstuvwxyz0123456789._-é"
    name = ""
    while len(name.encode()) < length:
        part = "".join(generator.choice(letters) for _ in range(generator.randint(1, 60)))
        name += ("/" if name else "") + "n" + part
    return name.encode()[:length].decode(errors="ignore").rstrip("/.") or "n"


def member(generator, kind, name):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.mode = generator.choice([0o644, 0o755, 0o600, 0o4755, 0o2755, 0o1777, 0o400])
    info.uid, info.gid = generator.choice([(0, 0), (1000, 1000), (65534, 65534), (1, 100000)])
    info.mtime = generator.choice([0, 1, 1_600_000_000, 2_000_000_000])
    return info


def honest_tree(generator, form):
    """One archive of a few dozen members that every reader must understand alike."""
    out = io.BytesIO()
    limit = 100 if form == "ustar" else generator.choice([99, 100, 101, 155, 156, 200, 255, 400])
    files = []
    with tarfile.open(fileobj=out, mode="w", format=FORMATS[form]) as tar:
        for number in range(generator.randint(1, 25)):
            name = f"{number}-" + name_of(generator, generator.randint(1, limit - 4))
            what = generator.random()
            if what < 0.5:
                data = generator.randbytes(generator.choice([0, 1, 511, 512, 513, 5000]))
                info = member(generator, tarfile.REGTYPE, name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
                files.append(info)
            elif what < 0.65:
                tar.addfile(member(generator, tarfile.DIRTYPE, name))
            elif what < 0.8:
                info = member(generator, tarfile.SYMTYPE, name)
                info.linkname = generator.choice(
                    ["target", "../up", "/absolute", name_of(generator, min(limit, 90))])
                tar.addfile(info)
            elif what < 0.9 and files:
                # of one file, so with its attributes: readers disagree about what others would mean
                file = generator.choice(files)
                info = copy.copy(file)
                info.name, info.type, info.size = name, tarfile.LNKTYPE, 0
                info.linkname = file.name
                if form != "ustar" or len(info.linkname.encode()) <= 100:
                    tar.addfile(info)
            else:
                tar.addfile(member(generator, tarfile.FIFOTYPE, name))
    return out.getvalue()


def honest(seed, count):
    generator = random.Random(seed)
    for number in range(count):
        form = ("ustar", "gnu", "pax")[number % 3]
        yield f"honest-{form}-{number}", honest_tree(generator, form)


# --- archives that readers disagree about ---------------------------------------------------------

def size_disagreements(generator):
    """pax and ustar state different sizes (CVE-2025-62518, CVE-2026-33055)."""
    hidden = entry(b"hidden", b"smuggled")
    for stated in (0, 1, 511, 512, 1024, len(hidden)):
        for real in (0, 8, len(hidden)):
            data = hidden[:real].ljust(real, b"x")
            yield f"pax-{stated}-ustar-{real}", (
                pax(record(b"size", b"%d" % stated)) + header(b"f", real) + padded(data)
                + entry(b"last", b"z") + END)
    for values in ((b"1", b"2"), (b"8", b"512"), (b"0", b"8")):
        records = b"".join(record(b"size", value) for value in values)
        yield f"pax-size-twice-{values[1].decode()}", (
            pax(records) + entry(b"f", b"12345678") + entry(b"last", b"z") + END)
        both = pax(record(b"size", values[0])) + pax(record(b"size", values[1]))
        yield f"pax-headers-twice-{values[1].decode()}", (
            both + entry(b"f", b"12345678") + entry(b"last", b"z") + END)
        yield f"pax-global-size-{values[1].decode()}", (
            pax(record(b"size", values[1]), b"g") + entry(b"f", b"12345678") + END)
    for value in (b"-1", b"+8", b" 8", b"8 ", b"0x8", b"", b"99999999999999999999", b"8.5", b"1e1"):
        yield f"pax-size-{value!r}", (
            pax(record(b"size", value)) + entry(b"f", b"12345678") + entry(b"last") + END)


def malformed_records(generator):
    """pax records that some readers pass over (CVE-2026-32766)."""
    good = record(b"path", b"renamed")
    damaged = [good[:-1], good[1:], good.replace(b" ", b"", 1), good.replace(b"=", b"", 1),
               b"0 path=x\n", b"-5 path=x\n", b"999 path=x\n", b"3 \n", b"\n", b"x" * 20,
               good + b"garbage", good + b"\0" * 10, b"5 a=\n" + good, record(b"path", b""),
               record(b"path", b"a\0b"), record(b"", b"x"), record(b"linkpath", b"a\0b"),
               record(b"uid", b"-1"), record(b"uid", b"x"), record(b"mtime", b"1.2.3"),
               record(b"mtime", b""), record(b"mtime", b"99999999999999999999"),
               record(b"gid", b"4294967296")]
    for number, records in enumerate(damaged):
        yield f"pax-malformed-{number}", pax(records) + entry(b"f", b"data") + entry(b"g") + END
    for _ in range(60):
        data = bytearray(good + record(b"mtime", b"5.5"))
        data[generator.randrange(len(data))] = generator.randrange(256)
        yield f"pax-flipped-{_}", pax(bytes(data)) + entry(b"f", b"data") + END


def two_extensions(generator):
    """Several headers speak for one file: pax and GNU, each twice, in either order."""
    gnu_name = header(b"././@LongLink", 9, b"L", magic=b"ustar  \0") + padded(b"gnu-name\0")
    gnu_link = header(b"././@LongLink", 9, b"K", magic=b"ustar  \0") + padded(b"gnu-link\0")
    pax_name = pax(record(b"path", b"pax-name"))
    pax_link = pax(record(b"linkpath", b"pax-link"))
    pieces = {"gnu": gnu_name, "gnulink": gnu_link, "pax": pax_name, "paxlink": pax_link,
              "global": pax(record(b"path", b"global-name"), b"g")}
    for first, a in pieces.items():
        for second, b in pieces.items():
            yield f"two-{first}-{second}", (
                a + b + header(b"f", kind=b"2", link=b"target") + entry(b"g", b"data") + END)
    for first, a in pieces.items():
        yield f"dangling-{first}", entry(b"f", b"data") + a + END
        yield f"cut-{first}", (entry(b"f", b"data") + a)[:-BLOCK]


def odd_fields(generator):
    """Numbers, kinds and names at their borders."""
    binary = b"\x80" + b"\0" * 10 + b"\x08"
    fields = [binary, b"\xff" * 12, b"\x80" + b"\xff" * 11, b"           \0", b"10         \0",
              b"       10 \0\0", b"00000000010 ", b"000000000100", b"-0000000010\0", b"0000000008 \0",
              b"0000000010\0x", b"\0" * 12]
    for number, field in enumerate(fields):
        yield f"size-field-{number}", (
            header(b"f", size_field=field) + padded(b"12345678") + entry(b"last", b"z") + END)
    for kind in b"\x00123456789ADKLMNSVXgxz~":
        for size in (0, 8):
            yield f"kind-{kind}-{size}", (
                entry(b"before", b"b") + header(b"f", size, bytes([kind]), link=b"before")
                + padded(b"12345678"[:size]) + entry(b"last", b"z") + END)
    for number, name in enumerate((b"", b".", b"./", b"/", b"//", b"a//b", b"./a/./b", b"a/../b",
                                   b"..", b"../a", b"/../a", b"a/..", b"a\nb", b"\xff\xfe", b"a/",
                                   b" ", b"a\\b", b"c:\\x", b"a" * 100)):
        for kind in (b"0", b"5", b"2", b"1"):
            yield f"name-{number}-{kind.decode()}", (
                entry(b"t", b"x") + header(name, kind=kind, link=b"t") + entry(b"last", b"z") + END)


def damaged_archives(generator):
    """Checksums, ends and bytes that are not there."""
    good = entry(b"a", b"first") + entry(b"b", b"second" * 200) + entry(b"d/", kind=b"5")
    yield "no-end", good
    yield "half-end", good + b"\0" * BLOCK
    yield "garbage-after-end", good + END + b"garbage".ljust(BLOCK, b"!")
    yield "archive-after-end", good + END + entry(b"c", b"third") + END
    yield "zero-block-between", entry(b"a", b"x") + b"\0" * BLOCK + entry(b"b", b"y") + END
    yield "empty", b""
    yield "only-end", END
    for value in (0, 1, 0o777777):
        yield f"checksum-{value}", header(b"f", checksum=value) + END
    whole = good + END
    for cut in range(1, len(good), 97):
        yield f"cut-at-{cut}", whole[:cut]
    for number in range(80):
        data = bytearray(whole)
        data[generator.randrange(len(good))] ^= 1 << generator.randrange(8)
        yield f"bit-{number}", bytes(data)


def replacements(generator):
    """An entry takes the place of an earlier one."""
    kinds = {"file": lambda name, text: entry(name, text),
             "dir": lambda name, text: header(name, kind=b"5", mode=0o755),
             "link": lambda name, text: header(name, kind=b"2", link=b"elsewhere"),
             "hard": lambda name, text: header(name, kind=b"1", link=b"origin"),
             "fifo": lambda name, text: header(name, kind=b"6")}
    for first, a in kinds.items():
        # a reader that opens the pipe to overwrite it waits for ever
        for second, b in kinds.items() if first != "fifo" else ():
            yield f"replace-{first}-{second}", (
                entry(b"origin", b"o") + a(b"f", b"one") + b(b"f", b"two") + entry(b"z") + END)


def disputed(seed):
    generator = random.Random(seed)
    for family in (size_disagreements, malformed_records, two_extensions, odd_fields,
                   damaged_archives, replacements):
        for name, data in family(generator):
            yield name, data


def attacks(outside):
    """Entries that would touch the directory `outside` if anything followed them out of the root."""
    target = outside.encode()
    inside = b"/" + b"../" * 40 + target.lstrip(b"/")
    for number, (link, through) in enumerate((
            (target, b"l/canary"), (inside, b"l/canary"), (target + b"/canary", b"l"))):
        for kind in (b"0", b"5", b"2", b"1", b"6"):
            yield f"through-link-{number}-{kind.decode()}", (
                header(b"l", kind=b"2", link=link) + entry(b"o", b"o")
                + header(through, kind=kind, link=b"o", mode=0o777) + END)
    for name in (b"../" * 40 + target.lstrip(b"/") + b"/canary", target + b"/canary"):
        for kind in (b"0", b"5", b"2", b"1"):
            yield f"by-name-{kind.decode()}-{name[:3].decode()}", (
                entry(b"o", b"o") + header(name, kind=kind, link=b"o", mode=0o777) + END)
    for link in (target + b"/canary", b"../" * 40 + target.lstrip(b"/") + b"/canary"):
        yield f"hard-link-out-{link[:3].decode()}", (
            header(b"f", kind=b"1", link=link) + entry(b"f", b"overwritten") + END)
    for name in (b".", b"./", b"/", b""):
        for kind in (b"2", b"0", b"3"):
            yield f"root-is-{kind.decode()}-{name!r}", (
                header(name, kind=kind, link=target) + entry(b"canary", b"overwritten") + END)
    yield "link-then-directory", (
        header(b"l", kind=b"2", link=target) + header(b"l/", kind=b"5", mode=0o777) + END)
