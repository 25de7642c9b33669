"""Filter lines that C++ libraries write directly to the standard error descriptor."""

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
    """Suppress lines on standard error that begin with the given bytes, while the body runs.

    C++ code bypasses `sys.stderr`, so file descriptor 2 is redirected to a temporary file. Other
    lines, those of other threads included, are written to standard error afterwards. One caller
    runs at a time.

    Args:
        beginning: prefix of the lines to drop, such as b"INFO:" of LiteRT.
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
