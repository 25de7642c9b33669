"""Memory that native code has freed, and that the C library keeps for later.

glibc gives little of it back, and keeps as many arenas as threads have allocated at once: between
stages of an export that is as much as all that is in use. Other C libraries do as they do.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from typing import Any

M_ARENA_MAX = -8
"""Parameter of `mallopt`, from glibc's malloc.h."""


def give_back() -> None:
    """Give what is freed back to the system; some hundredths of a second."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def use_one_arena() -> None:
    """Let all threads that begin from now on take memory from one arena, for the whole process."""
    library = _glibc()
    if library is not None:
        library.mallopt(M_ARENA_MAX, 1)


@functools.cache
def _glibc() -> Any:
    """Return the C library where it is glibc; None elsewhere."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    known = hasattr(library, "malloc_trim") and hasattr(library, "mallopt")
    return library if known else None
