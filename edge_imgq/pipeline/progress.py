"""Define how a pipeline reports progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class ProgressStep:
    """A step that is about to begin.

    Attributes:
        what: description that begins with the stage, e.g. "verify tflite-int8".
        done: number of finished steps.
        total: number of all steps.
    """

    what: str
    done: int
    total: int

    def __str__(self) -> str:
        """Return a line such as "verify tflite-int8, 2 of 5"; the count only of several steps."""
        return self.what if self.total < 2 else f"{self.what}, {self.done + 1} of {self.total}"

    @property
    def stage(self) -> str:
        """First word of the description without a colon, such as "verify"."""
        return self.what.partition(" ")[0].removesuffix(":")


Watch = Callable[[ProgressStep], None]
