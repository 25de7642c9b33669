"""Which calls of a run count: those during which the processor was at its own pace.

They are chosen by the loops beside them (`edge_imgq.devices.cpu_speed`), never by their own time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from edge_imgq.devices.cpu_speed import Pace, fastest, slower
from edge_imgq.devices.load import Evenness

FEWEST = 10
"""Calls that a file is timed by at least, and that must count alone if the others are not to."""


@dataclass(frozen=True)
class TimedCalls:
    """Calls that followed each other, and the pace of the processor around them.

    Attributes:
        seconds: of each call.
        before: the pace before the first.
        after: the pace after the last.
    """

    seconds: tuple[float, ...]
    before: Pace
    after: Pace

    def is_undisturbed(self, best: Pace) -> bool:
        """Tell whether the processor was at its own pace before and after."""
        return slower(self.before, self.after).is_own(best)


@dataclass(frozen=True)
class Counted:
    """The calls that count, in seconds and in their order, and how they were chosen."""

    seconds: tuple[float, ...]
    evenness: Evenness


def count(batches: Sequence[TimedCalls], best: Pace) -> Counted:
    """Return the calls during which the processor was at its own pace.

    Where these are too few, all calls count, and the time is disturbed.

    Args:
        batches: of one file, one at least.
        best: the fastest pace that was seen.
    """
    every = [seconds for batch in batches for seconds in batch.seconds]
    own = undisturbed(batches, best)
    enough = len(own) >= min(FEWEST, len(every))
    disturbed = [batch for batch in batches if not batch.is_undisturbed(best)]
    slow = [slower(batch.before, batch.after).beside(best) for batch in disturbed]
    evenness = Evenness(len(own), len(every), enough, float(np.median(slow or [1.0])))
    return Counted(tuple(own if enough else every), evenness)


def undisturbed(batches: Iterable[TimedCalls], best: Pace) -> list[float]:
    """Return the seconds of the calls during which the processor was at its own pace."""
    kept = (batch for batch in batches if batch.is_undisturbed(best))
    return [seconds for batch in kept for seconds in batch.seconds]


def best_pace(batches: Iterable[TimedCalls]) -> Pace:
    """Return the fastest pace around batches of calls."""
    return fastest([pace for batch in batches for pace in (batch.before, batch.after)])
