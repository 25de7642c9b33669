"""Elapsed and remaining time of a stage of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_imgq.pipeline.progress import ProgressStep


class StageTimes:
    """Times of the steps of one stage.

    Args:
        first: first step of the stage.
        now: current time in seconds, on any monotonic clock.

    Attributes:
        stage: name of the stage.
        words: description of the step if the stage has only one, else the name of the stage.
        began: time at which the stage began.
    """

    def __init__(self, first: ProgressStep, now: float) -> None:
        self.stage, self.words = first.stage, first.what
        self.began = now
        self._first, self._since, self._last = first, now, first

    def left(self, step: ProgressStep, now: float) -> float | None:
        """Record a step and estimate the remaining seconds of the stage, at the pace so far.

        A stage may count from 0 again, for example for each image size; the estimate is of the
        current count.

        Args:
            step: step that begins.
            now: current time in seconds, on the same clock.

        Returns:
            Seconds; None until a step of this count is done.
        """
        if step.what != self.words:
            self.words = self.stage
        if step.total != self._last.total or step.done < self._last.done:
            self._first, self._since = step, now
        self._last = step
        done = step.done - self._first.done
        return (now - self._since) / done * (step.total - step.done) if done > 0 else None


def in_words(seconds: float) -> str:
    """Format a duration, given in seconds, rounded: "0.4 s", "12 s", "3 min 20 s", "2 h 5 min"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
