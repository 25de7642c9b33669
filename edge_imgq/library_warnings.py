"""Ignore the warnings of other packages, and only those."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

OTHER_PACKAGES = r"(?!edge_imgq\.)"
"""Modules that a warning may be attributed to, outside edge_imgq; a pattern from their start."""


@contextmanager
def without_library_warnings() -> Iterator[None]:
    """Ignore warnings attributed to other packages' modules while the body runs.

    A context manager; the filters in force before are restored at the end. Warnings attributed to a
    module of edge_imgq are left to the filters in force: our own, and those of NumPy or torch about
    a line of ours. Not safe with threads, as `warnings.catch_warnings` is not.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=OTHER_PACKAGES)
        yield
