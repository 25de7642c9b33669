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

    @property
    def stage(self) -> str:
        """First word of the description without a colon, such as "verify"."""
        return self.what.partition(" ")[0].removesuffix(":")


Watch = Callable[[ProgressStep], None]
