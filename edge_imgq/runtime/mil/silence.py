"""Imports coremltools without its warnings, log messages and progress bars."""

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
"""Compression during training, which is not used here but which coremltools always imports.

It takes a third of the import time, for parts of torch that share a model between machines.
"""


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Suppress warnings, Python's stdout and stderr and coremltools' log within a `with` block.

    Exceptions pass. Everything is restored on leaving. Output of native code is not suppressed.
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
    """Import coremltools without its warnings and return the module.

    The first time takes one or two seconds.

    Raises:
        ImportError: coremltools is not installed.
    """
    loaded = sys.modules.get("coremltools")
    if loaded is not None:
        return loaded
    with silenced(), _without(TRAINING):
        return importlib.import_module("coremltools")


@contextlib.contextmanager
def _without(module: str) -> Iterator[None]:
    """Replace a module by an empty one within a `with` block; a later import gets the real one."""
    sys.modules[module] = types.ModuleType(module)
    try:
        yield
    finally:
        del sys.modules[module]


def mil_builder() -> Any:
    """Return coremltools' builder of MIL operators, `mb` in Apple's examples.

    Raises:
        ImportError: coremltools is not installed.
    """
    coremltools()
    return importlib.import_module("coremltools.converters.mil").Builder
