"""What libraries in C++ write to standard error past Python."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STANDARD_ERROR = 2
_ONE_AT_A_TIME = threading.Lock()


@contextmanager
def without_lines(beginning: bytes) -> Iterator[None]:
    """Keep lines of a library that has no switch for them off standard error.

    They are written by C++, so the file descriptor itself leads elsewhere meanwhile. Whatever else
    was written, by other threads too, is written out after.

    Args:
        beginning: of the lines to leave out, such as LiteRT's "INFO:".
    """
    with _ONE_AT_A_TIME, tempfile.TemporaryFile() as kept:
        sys.stderr.flush()
        own = os.dup(STANDARD_ERROR)
        try:
            os.dup2(kept.fileno(), STANDARD_ERROR)
            yield
        finally:
            os.dup2(own, STANDARD_ERROR)
            os.close(own)
            kept.seek(0)
            lines = [line for line in kept if not line.startswith(beginning)]
            if lines:
                os.write(STANDARD_ERROR, b"".join(lines))
