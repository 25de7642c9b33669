"""Loading of an exported file in the runtime of its format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edge_imgq.errors import RuntimeUnavailableError, UsageError
from edge_imgq.formats import format_of, unknown
from edge_imgq.runtime.protocol import Session


def open_session(path: Path, threads: int = 1) -> Session:
    """Load a file from disk in the runtime of its format, which the extension tells.

    Args:
        path: a file or package that edge-imgq wrote.
        threads: number of CPU threads, where the runtime lets them be chosen.

    Raises:
        UsageError: no format has this extension, or an .onnx file does not exist.
        ModelError: the file is missing, damaged, or not written by edge-imgq.
        RuntimeUnavailableError: the runtime is not installed.
    """
    row = format_of(path)
    if row is None:
        raise UsageError(f"{path} {unknown(path)}.")
    if row.extra is not None and row.extra.is_missing:
        raise RuntimeUnavailableError(row.extra.reason)
    opened: Callable[[Path, int], Session] = row.functions.open_session
    return opened(path, threads)
