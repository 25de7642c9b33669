"""Memory that native code has freed, and that the C library keeps for later.

glibc keeps as many arenas as threads have allocated at once, and gives little of them back: between
stages of an export that is as much as all that is in use. Large blocks it gives back at once, and
to get each one anew, filled with zeros, is a sixth of an export's time. So blocks of the largest
layers stay until a stage ends. Other C libraries do as they do.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from typing import Any

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
"""Parameters of `mallopt`, from glibc's malloc.h."""

LARGE = 64 * 1024**2
"""Bytes from which on a block is given back as soon as it is freed."""


def give_back() -> None:
    """Give what is freed back to the system; some hundredths of a second."""
    library = glibc()
    if library is not None:
        library.malloc_trim(0)


def keep_between_uses() -> None:
    """Let threads that begin from now on share what is freed, until `give_back`, process-wide."""
    library = glibc()
    if library is not None:
        library.mallopt(M_ARENA_MAX, 1)
        library.mallopt(M_MMAP_THRESHOLD, LARGE)
        library.mallopt(M_TRIM_THRESHOLD, LARGE)


@functools.cache
def glibc() -> Any:
    """Return the C library where it is glibc; None elsewhere."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    known = hasattr(library, "malloc_trim") and hasattr(library, "mallopt")
    return library if known else None
