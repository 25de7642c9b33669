"""Control of the freed memory that glibc keeps.

glibc creates an arena per concurrently allocating thread and returns little of their memory to the
system: between stages of an export as much as is in use. Large blocks are returned at once, and
mapping them again, zero-filled, takes a sixth of an export's time. Blocks of the largest layers are
therefore kept until a stage ends. Other C libraries are left alone.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from typing import Any

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
"""Parameters of `mallopt`, from glibc's malloc.h."""

LARGE = 64 * 1024**2
"""Size in bytes from which a freed block is returned to the system at once."""


def give_back() -> None:
    """Return memory that this process has freed to the system; takes some hundredths of a second.

    Objects in use are not affected. Without glibc nothing happens.
    """
    library = glibc()
    if library is not None:
        library.malloc_trim(0)


def keep_between_uses() -> None:
    """Let new threads share one arena and keep freed blocks below 64 MiB until `give_back`.

    It holds for the whole process and cannot be undone. Without glibc nothing happens.
    """
    library = glibc()
    if library is not None:
        library.mallopt(M_ARENA_MAX, 1)
        library.mallopt(M_MMAP_THRESHOLD, LARGE)
        library.mallopt(M_TRIM_THRESHOLD, LARGE)


@functools.cache
def glibc() -> Any:
    """Return the C library as a ctypes object if it is glibc, else None."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    known = hasattr(library, "malloc_trim") and hasattr(library, "mallopt")
    return library if known else None
