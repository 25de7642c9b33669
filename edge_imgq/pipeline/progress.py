"""How a pipeline tells its caller where it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class ProgressStep:
    """One piece of work that is about to begin.

    Attributes:
        what: in words that begin with the stage, e.g. "verify tflite-int8".
        done: pieces finished so far.
        total: pieces in all.
    """

    what: str
    done: int
    total: int

    @property
    def stage(self) -> str:
        """What the piece is a part of: "verify"."""
        return self.what.partition(" ")[0].removesuffix(":")


Watch = Callable[[ProgressStep], None]
