"""How a pipeline tells its caller where it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One piece of work that is about to begin.

    Attributes:
        what: in words, e.g. "verify tflite-int8".
        done: pieces finished so far.
        total: pieces in all.
    """

    what: str
    done: int
    total: int


Watch = Callable[[Step], None]
