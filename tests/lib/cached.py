#!/usr/bin/env python3
"""How many bytes of a file are in the page cache; with --forget, after it has left it.

    cached.py [--forget] FILE
"""

import ctypes
import mmap
import os
import sys

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_long,
]
libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]


def cached(fd: int) -> int:
    size = os.fstat(fd).st_size
    pages = ctypes.create_string_buffer((size + mmap.PAGESIZE - 1) // mmap.PAGESIZE)
    where = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    if libc.mincore(where, size, pages) != 0:
        raise OSError(ctypes.get_errno(), "mincore")
    there = sum(page & 1 for page in pages.raw)
    return min(size, there * mmap.PAGESIZE)


def main() -> None:
    fd = os.open(sys.argv[-1], os.O_RDONLY)
    if sys.argv[1] == "--forget":
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    print(cached(fd))


main()
