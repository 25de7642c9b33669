"""Progress of a command, on stderr."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from edge_imgq.cli.stage_times import StageTimes, in_words
from edge_imgq.errors import UsageError

if TYPE_CHECKING:
    from rich.progress import Progress

    from edge_imgq.pipeline.progress import ProgressStep

PATIENCE = 2.0
"""Seconds before a progress bar appears on a terminal, and a line with the stage elsewhere."""

STARTING = "starting"
"""Description before the first step, while packages are being imported."""

SILENCE = 60.0
"""Seconds without a line after which a stage reports that it is still running."""


class ProgressDisplay:
    """A progress bar on a terminal, a line per stage elsewhere; call it with each `ProgressStep`.

    The bar shows the current step, the number of steps, the elapsed time of the command and, once
    one of several steps is done, the remaining time of the stage. Without a terminal, and in CI, it
    prints the duration of each stage when it ends, what a stage is doing after two seconds
    (PATIENCE), and then once a minute.

    Args:
        clock: returns the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._bar: Progress | None = None
        self._timer: threading.Timer | None = None
        self._clock = clock
        self._stage: StageTimes | None = None
        self._spoken = clock()

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and not os.environ.get("CI"):
            self._bar = _bar()
            self._task = self._bar.add_task(STARTING, total=None, count="", left="")
            self._after_patience(self._bar.start)
        else:
            self._name_later(STARTING)
        return self

    def _after_patience(self, act: Callable[[], None]) -> None:
        """Call a function on a thread of its own after PATIENCE, unless it is cancelled."""
        self._timer = threading.Timer(PATIENCE, act)
        self._timer.daemon = True
        self._timer.start()

    def _name_later(self, what: str) -> None:
        """Print what is being done, if it takes longer than PATIENCE."""
        self._cancel()
        self._after_patience(lambda: print(f"{what} ...", file=sys.stderr, flush=True))

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._cancel()
        if self._bar is not None:
            self._bar.stop()
        elif not isinstance(error, UsageError):  # a UsageError is not about a stage
            self._close_stage("stopped after " if error else "")

    def __call__(self, step: ProgressStep, detail: str = "") -> None:
        """Show that a step begins.

        Args:
            step: the step.
            detail: text after the step's description.
        """
        now = self._clock()
        if self._stage is None or self._stage.stage != step.stage:
            if self._bar is None:
                self._close_stage()
                self._name_later(step.what + detail)
            self._stage = StageTimes(step, now)
        left = self._stage.left(step, now)
        words = f"about {in_words(left)} left" if left is not None else ""
        if self._bar is not None:
            done, total = step.done, step.total
            description = step.what + detail
            self._bar.update(
                self._task,
                description=description,
                completed=done,
                total=total,
                count=f"{done}/{total}",
                left=words,
            )
        elif now - self._spoken > SILENCE:
            position = f"{min(step.done + 1, step.total)} of {step.total}"
            self._say(", ".join(filter(None, [f"{step.what}{detail}", position, words])))

    def note(self, line: str) -> None:
        """Print a line at once, on stderr; it stays above the progress bar if there is one."""
        if self._bar is not None:
            self._bar.console.print(line, highlight=False)
        else:
            self._say(line)

    def _close_stage(self, how: str = "") -> None:
        """Print how long the stage took that just ended."""
        if self._stage is not None:
            duration = in_words(self._clock() - self._stage.began)
            self._say(f"{self._stage.words}: {how}{duration}")

    def _say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)
        self._spoken = self._clock()


def _bar() -> Progress:
    """Return a progress bar that does not redirect stdout.

    On a narrow terminal the description is cut; count and times never are.

    It may appear while a library's output is being kept from stdout. A bar that redirects stdout
    would restore the library's stream when it ends, and the command's result would be lost.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    return Progress(
        TextColumn(
            "{task.description}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")
        ),
        BarColumn(bar_width=12, table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[left]}"),
        console=Console(stderr=True),
        transient=True,
        expand=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
