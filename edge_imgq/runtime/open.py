"""Which runtime opens which file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edge_imgq.errors import UsageError
from edge_imgq.runtime.protocol import Session


def _onnx(path: Path, threads: int) -> Session:
    from edge_imgq.runtime.onnxruntime import open_session

    return open_session(path, threads)


def _tflite(path: Path, threads: int) -> Session:
    from edge_imgq.runtime.litert import open_session

    return open_session(path, threads)


def _coreml(path: Path, threads: int) -> Session:
    from edge_imgq.runtime.coreml import open_session

    return open_session(path, threads)


RUNTIMES: dict[str, Callable[[Path, int], Session]] = {
    ".onnx": _onnx,
    ".tflite": _tflite,
    ".mlpackage": _coreml,
}
"""File name extension → the runtime that opens it on this host; each imports its own packages."""


def open_session(path: Path, threads: int = 1) -> Session:
    """Reopen a file from disk by the runtime that runs it.

    Args:
        path: a file or package that edge-imgq wrote.
        threads: processor threads.

    Raises:
        UsageError: no runtime is known for the extension.
        ModelError: the file is not whole.
    """
    suffix = path.suffix.lower()
    if suffix not in RUNTIMES:
        raise UsageError(f"{path} is not one of {', '.join(RUNTIMES)}, so no runtime opens it.")
    return RUNTIMES[suffix](path, threads)
