"""What was written to a disk, in its order, with the flushes: the log of qemu's blklogwrites driver.

The format is that of Linux' dm-log-writes (Documentation/admin-guide/device-mapper/log-writes.rst):
a superblock, then entries of one sector each, followed by what was written.
"""

import os
import struct

SECTOR = 512  # of the numbers in the log, and what a disk writes wholly or not at all
MAGIC, VERSION = 0x6A736677736872, 1
FLUSH, FUA, DISCARD = 1, 2, 4


class Entry:
    def __init__(self, sector, count, flags, at):
        self.start = sector * SECTOR  # bytes, on the disk
        self.size = count * SECTOR
        self.flags = flags
        self.at = at  # bytes, of its data in the log

    @property
    def flushes(self):
        return bool(self.flags & FLUSH)

    @property
    def is_write(self):
        return self.size > 0 and not self.flags & DISCARD


class WriteLog:
    def __init__(self, path, disk_size):
        self.fd = os.open(path, os.O_RDONLY)
        magic, version, count, sector = struct.unpack("<QQQI", os.pread(self.fd, 28, 0))
        if magic != MAGIC or version != VERSION or sector != SECTOR:
            raise ValueError(f"{path} is no log of writes in sectors of {SECTOR} bytes")
        self.entries = []
        at = sector
        # The superblock is brought up to date now and then: what follows its last entry counts too,
        # as long as it looks like one.
        while True:
            data = os.pread(self.fd, 32, at)
            if len(data) < 32:
                break
            start, blocks, flags, _ = struct.unpack("<QQQQ", data)
            if len(self.entries) >= count and (start, blocks, flags) == (0, 0, 0):
                break
            if flags > FLUSH + FUA or (start + blocks) * SECTOR > disk_size:
                raise ValueError(f"{path}: entry {len(self.entries)} is none: the log is damaged")
            self.entries.append(Entry(start, blocks, flags, at + sector))
            at += sector + (0 if flags & DISCARD else blocks * SECTOR)

    def data(self, entry):
        return os.pread(self.fd, entry.size, entry.at)

    def apply(self, entry, disk, size=None):
        """Writes it, or its first `size` bytes, to the open disk."""
        if entry.is_write:
            os.pwrite(disk, self.data(entry)[:size], entry.start)

    def close(self):
        os.close(self.fd)


def cut(log, upto, disk, random):
    """The disk holds all that was flushed before the entry `upto`: adds what a power cut there may
    leave of the rest. A write is there, not there or torn, each for itself. Returns what was lost."""
    first = last_flush(log, upto)
    share = random.choice([0.0, 0.5, 0.9, 1.0])
    lost = torn = 0
    for entry in log.entries[first:upto]:
        if not entry.is_write:
            continue
        if entry.flags & FUA or random.random() < share:
            log.apply(entry, disk)
        elif random.random() < 0.2 and entry.size > SECTOR:
            torn += 1
            log.apply(entry, disk, random.randrange(1, entry.size // SECTOR) * SECTOR)
        else:
            lost += 1
    return lost, torn


def last_flush(log, upto):
    """The number of entries, of those before `upto`, that a flush has made safe."""
    for number in range(upto - 1, -1, -1):
        if log.entries[number].flushes:
            return number + 1
    return 0
