"""Showing on stderr where a long command is."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress

    from edge_imgq.pipeline.step import Step

PATIENCE = 2.0
"""Seconds that a command may take before a bar appears on a terminal."""

PLAIN_SECONDS = 10.0
"""Seconds between two plain lines about the same work."""


class ProgressDisplay:
    """A bar on a terminal, plain lines elsewhere. Call it with each `Step`."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._timer: threading.Timer | None = None
        self._last = ("", 0.0)

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._bar = _bar()
            self._task = self._bar.add_task("", total=None)
            self._timer = threading.Timer(PATIENCE, self._bar.start)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None and self._bar is not None:
            self._timer.cancel()
            self._timer.join()
            self._bar.stop()

    def __call__(self, step: Step, detail: str = "") -> None:
        """Show that a piece of work is about to begin; `detail` follows its words."""
        if self._bar is not None:
            self._bar.update(
                self._task, description=step.what + detail, completed=step.done, total=step.total
            )
            return
        what, when = self._last
        if step.what != what or time.monotonic() - when > PLAIN_SECONDS:
            place = f"[{min(step.done + 1, step.total)}/{step.total}]"
            print(f"{place} {step.what}{detail}", file=sys.stderr, flush=True)
            self._last = (step.what, time.monotonic())

    def note(self, line: str) -> None:
        """Write a line that stays, above the bar."""
        if self._bar is not None:
            self._bar.console.print(line, highlight=False)
        else:
            print(line, file=sys.stderr, flush=True)


def _bar() -> Progress:
    """Return a bar that leaves sys.stdout alone.

    It appears at any moment, also while a library's words are kept from stdout: a bar that put its
    own stream there would put the library's back when it ends, and the table would go nowhere.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
