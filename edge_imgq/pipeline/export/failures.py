"""Collect the targets that fail, each with its reason, while the others are written."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from edge_imgq.errors import (
    EdgeImgqError,
    FaultError,
    ImageError,
    ModelError,
    NonFiniteOutputError,
    OutputError,
    RuntimeUnavailableError,
)
from edge_imgq.report.report import Failed, NotRun, by_reason

WHOLE_RUN = (OSError, OutputError, ImageError, MemoryError)
"""Errors that end the run because they affect all targets: disk, memory and images."""


CODES: dict[int, type[EdgeImgqError]] = {
    kind.exit_code: kind
    for kind in (FaultError, NonFiniteOutputError, RuntimeUnavailableError, ModelError)
}


class Failures:
    """Errors of single targets."""

    def __init__(self) -> None:
        self._errors: dict[str, Exception] = {}

    def __contains__(self, target: object) -> bool:
        return target in self._errors

    def add(self, target: str, error: Exception) -> None:
        """Record a target's error; a target that has one already keeps the first.

        Any error is taken. Nothing is raised.
        """
        self._errors.setdefault(target, error)

    @contextmanager
    def of(self, targets: Sequence[str]) -> Iterator[None]:
        """Record errors of the `with` body for some targets instead of raising them.

        OSError, OutputError, ImageError, MemoryError (disk, memory and images) and interrupts are
        raised nevertheless.
        """
        try:
            yield
        except WHOLE_RUN:
            raise
        except Exception as error:  # whatever one target's code does wrong
            for target in targets:
                self.add(target, error)

    def withdraw_fault(self, target: str) -> str:
        """Remove a target's error if it is a bug in edge-imgq, and return its message.

        "" and no change if the target has no error, or one that the model or the user causes.
        """
        error = self._errors.get(target)
        if error is None or _is_users(error):
            return ""
        del self._errors[target]
        return _failed(target, error).reason

    def reported(self) -> tuple[Failed, ...]:
        """Return every failed target with its reason, sorted by name."""
        return tuple(_failed(target, self._errors[target]) for target in sorted(self._errors))

    def raise_all(self) -> None:
        """Raise the recorded errors, of which there must be one, as a single error.

        Raises:
            EdgeImgqError: of the first error's class, with the messages of all.
            Exception: the first error itself if it is the only one, or not an EdgeImgqError.
            ValueError: no error is recorded.
        """
        first, *others = {str(error): error for error in self._errors.values()}.values()
        if not others or not isinstance(first, EdgeImgqError):
            raise first
        lines = [
            f"{', '.join(target.target for target in targets)}: {reason}"
            for reason, targets in by_reason(self.reported()).items()
        ]
        raise type(first)("\n".join(lines)) from first


def error_of(file: NotRun) -> EdgeImgqError:
    """Return a file's failure as an error of the class with its exit code; else a ModelError.

    It is returned, not raised; its message is the reason.
    """
    return CODES.get(file.exit_code, ModelError)(file.reason)


def _is_users(error: Exception) -> bool:
    return isinstance(error, EdgeImgqError) and not isinstance(error, FaultError)


def _failed(target: str, error: Exception) -> Failed:
    if isinstance(error, EdgeImgqError):
        return Failed(target, str(error), error.exit_code)
    reason = (
        f"this is a fault in edge-imgq, not in your model: {type(error).__name__}: {error}. "
        "Please report it."
    )
    trace = "".join(traceback.format_exception(error))
    return Failed(target, reason, FaultError.exit_code, trace)
