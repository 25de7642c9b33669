"""The one way in to coremltools, which otherwise writes warnings and progress bars."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import sys
import types
from collections.abc import Iterator
from typing import Any

from edge_imgq.library_warnings import without_library_warnings

TRAINING = "coremltools.optimize.torch"
"""Compression while training, which nobody uses here and coremltools always imports: a third of its
time, for parts of torch that share a model between machines."""


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
            without_library_warnings(),
            contextlib.redirect_stderr(io.StringIO()),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            yield
    finally:
        logger.setLevel(level)


def coremltools() -> Any:
    """Import coremltools (a second or two, the first time) without its warnings."""
    loaded = sys.modules.get("coremltools")
    if loaded is not None:
        return loaded
    with silenced(), _without(TRAINING):
        return importlib.import_module("coremltools")


@contextlib.contextmanager
def _without(module: str) -> Iterator[None]:
    """Let what is imported meanwhile find an empty module; who imports it later gets it whole."""
    sys.modules[module] = types.ModuleType(module)
    try:
        yield
    finally:
        del sys.modules[module]


def mil_builder() -> Any:
    """Return coremltools' builder of MIL operators, known everywhere as `mb`."""
    coremltools()
    return importlib.import_module("coremltools.converters.mil").Builder
