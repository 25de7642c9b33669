"""The one way in to coremltools, which otherwise writes warnings and progress bars."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import sys
import warnings
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Keep what coremltools and tqdm write off the terminal; everything is restored on leaving.

    Errors are not touched: they arrive as exceptions.
    """
    logger = logging.getLogger("coremltools")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stderr(io.StringIO()),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def coremltools() -> Any:
    """Import coremltools (2 to 3 seconds, 300 MB, the first time) without its warnings."""
    loaded = sys.modules.get("coremltools")
    if loaded is not None:
        return loaded
    with silenced():
        return importlib.import_module("coremltools")


def mil_builder() -> Any:
    """Return coremltools' builder of MIL operators, known everywhere as `mb`."""
    coremltools()
    return importlib.import_module("coremltools.converters.mil").Builder
