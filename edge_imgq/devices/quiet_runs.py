"""Selection of the calls that count: those during which the processor ran at full speed.

They are selected by the loops beside them (`edge_imgq.devices.cpu_speed`), never by their own time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from edge_imgq.devices.cpu_speed import LoopTimes, fastest, slower
from edge_imgq.devices.load import Evenness

MIN_CALLS = 10
"""Smallest number of calls of a file, and of undisturbed calls that may count alone."""


@dataclass(frozen=True)
class TimedCalls:
    """Consecutive calls, and the times of the speed loops before and after.

    Attributes:
        seconds: time of each call, in s.
        before: times before the first call.
        after: times after the last call.
    """

    seconds: tuple[float, ...]
    before: LoopTimes
    after: LoopTimes

    def is_undisturbed(self, best: LoopTimes) -> bool:
        """Return True if the processor ran at full speed before and after, within tolerances.

        `best` has the fastest loop times that were measured.
        """
        return slower(self.before, self.after).is_full_speed(best)


@dataclass(frozen=True)
class SelectedCalls:
    """The calls that count, and how they were selected.

    Attributes:
        seconds: time of each counted call, in s, in the order of calling.
        evenness: processor speed during all calls.
    """

    seconds: tuple[float, ...]
    evenness: Evenness


def select_calls(batches: Sequence[TimedCalls], best: LoopTimes) -> SelectedCalls:
    """Select the calls that count: those during which the processor ran at full speed.

    If these are fewer than 10 (MIN_CALLS), or than all calls if there are fewer, all count, and
    `evenness.enough` is False.

    Args:
        batches: calls of one file, at least one.
        best: fastest loop times that were measured.
    """
    every = [seconds for batch in batches for seconds in batch.seconds]
    full_speed = undisturbed(batches, best)
    enough = len(full_speed) >= min(MIN_CALLS, len(every))
    disturbed = [batch for batch in batches if not batch.is_undisturbed(best)]
    slow = [slower(batch.before, batch.after).slowdown(best) for batch in disturbed]
    evenness = Evenness(len(full_speed), len(every), enough, float(np.median(slow or [1.0])))
    return SelectedCalls(tuple(full_speed if enough else every), evenness)


def undisturbed(batches: Iterable[TimedCalls], best: LoopTimes) -> list[float]:
    """Return the times, in s, of the calls before and after which the processor ran at full speed.

    They are in the order of calling. `best` has the fastest loop times that were measured.
    """
    kept = (batch for batch in batches if batch.is_undisturbed(best))
    return [seconds for batch in kept for seconds in batch.seconds]


def fastest_times(batches: Iterable[TimedCalls]) -> LoopTimes:
    """Return the fastest times of the speed loops before and after batches of calls.

    Times are in s. Each is the 3rd percentile (FASTEST) of that loop's times, because a single
    shortest time may be an error of the clock. There must be at least one batch.
    """
    return fastest([times for batch in batches for times in (batch.before, batch.after)])
