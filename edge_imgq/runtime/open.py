"""Opening an exported file by the runtime of its format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edge_imgq.errors import RuntimeUnavailableError, UsageError
from edge_imgq.formats import format_of, unknown
from edge_imgq.runtime.protocol import Session


def open_session(path: Path, threads: int = 1) -> Session:
    """Reopen a file from disk by the runtime that runs it.

    Args:
        path: a file or package that edge-imgq wrote.
        threads: processor threads.

    Raises:
        UsageError: no runtime is known for the extension.
        ModelError: the file is not whole.
        RuntimeUnavailableError: the runtime is not installed here.
    """
    form = format_of(path)
    if form is None:
        raise UsageError(f"{path} {unknown(path)}.")
    if form.extra is not None and form.extra.is_missing:
        raise RuntimeUnavailableError(form.extra.reason)
    opened: Callable[[Path, int], Session] = form.functions.open_session
    return opened(path, threads)
