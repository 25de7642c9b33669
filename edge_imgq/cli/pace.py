"""How long a stage has taken, and how long it will take yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_imgq.pipeline.progress import ProgressStep


class StageTimes:
    """The times of one stage's steps.

    Args:
        first: step of the stage.
        now: seconds on some clock.

    Attributes:
        stage: its name.
        words: of its step where that is the only one, else its name.
        began: when, on that clock.
    """

    def __init__(self, first: ProgressStep, now: float) -> None:
        self.stage, self.words = first.stage, first.what
        self.began = now
        self._first, self._since, self._last = first, now, first

    def left(self, step: ProgressStep, now: float) -> float | None:
        """Take a step; return seconds that those left will take if they are as those done.

        A stage may count several times, the images of each size, say: then what is left is of the
        count that runs.

        Returns:
            Seconds; None where no step of this count is done yet.
        """
        if step.what != self.words:
            self.words = self.stage
        if step.total != self._last.total or step.done < self._last.done:
            self._first, self._since = step, now
        self._last = step
        done = step.done - self._first.done
        return (now - self._since) / done * (step.total - step.done) if done > 0 else None


def in_words(seconds: float) -> str:
    """Return a duration in words: 0.4 s, 12 s, 3 min 20 s, 2 h 5 min."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
