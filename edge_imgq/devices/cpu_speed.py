"""Measures the processor's current speed with three fixed loops, run between timed calls.

A processor's speed changes while a program runs: its clock falls, or its other hardware thread,
which a virtual machine does not see, gets work. Measured on a virtual machine (AMD EPYC, four
networks, some 7000 calls in twenty minutes): the slow state comes and goes within tenths of a
second, and dominates for minutes. It makes a network 1.1 to 1.3 times slower, a loop of small NumPy
calls 1.6 times, and a copy in the third-level cache up to twice. The median of a run therefore
varied by 11 to 48 % between runs, that of the calls between two fast loops by 2 to 6 %.

No loop slows down by the same factor as a network, so times are not corrected by them: the loops
decide which calls count, and which runs may be compared. The clock loop is one long chain of
dependent steps, which other work on the same core hardly slows.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

HASHED = 2**19
"""Bytes whose SHA-256 the clock loop computes: some 0.3 ms."""

CALLS = 1000
"""NumPy calls in the compute loop: some 0.9 ms."""

IN_CACHE = 4096
"""16-bit values that it multiplies, which fit the first-level cache."""

COPIED = 2**21
"""Bytes that the memory loop copies, twice: more than a second-level cache contains."""

PAGE = 4096
"""Page size for aligned arrays: alignment may change a loop's time by a tenth."""

SLOW_CLOCK, SLOW_COMPUTE, SLOW_MEMORY = 1.05, 1.1, 1.2
"""Ratios to the fastest time of each loop above which the processor counts as slowed."""

FASTEST = 3.0
"""Percentile of all times of a loop taken as its fastest: a single one may be a clock error."""


@dataclass(frozen=True)
class LoopTimes:
    """Times of the three loops, in s.

    Attributes:
        clock: chain of dependent steps.
        compute: small calls on values in the first-level cache.
        memory: copy from the third-level cache.
    """

    clock: float
    compute: float
    memory: float

    def slowdown(self, fastest: LoopTimes) -> float:
        """Return the largest ratio, over the loops, of a time to the fastest one.

        1 means equally fast, 2 that one loop takes twice as long. A loop whose fastest time is 0
        counts as 1.
        """
        pairs = (
            (self.clock, fastest.clock),
            (self.compute, fastest.compute),
            (self.memory, fastest.memory),
        )
        return max(own / best if best else 1.0 for own, best in pairs)

    def is_full_speed(self, fastest: LoopTimes) -> bool:
        """Return True if the processor ran at full speed, by the fastest times measured.

        No loop may have taken longer by more than 5 % (clock), 10 % (compute) or 20 % (memory).
        """
        return (
            self.clock <= fastest.clock * SLOW_CLOCK
            and self.compute <= fastest.compute * SLOW_COMPUTE
            and self.memory <= fastest.memory * SLOW_MEMORY
        )


class SpeedProbe:
    """Runs the loops that measure processor speed."""

    def __init__(self) -> None:
        self._text = bytes(HASHED)
        self._values = _at(0, 2 * IN_CACHE).view(np.int16)
        self._product = _at(PAGE // 2, 2 * IN_CACHE).view(np.int16)
        self._source, self._copy = _at(0, COPIED), _at(PAGE // 2, COPIED)

    def measure(self) -> LoopTimes:
        """Run the three fixed loops once and return the seconds that each takes now.

        Together they take one to two milliseconds.
        """
        return LoopTimes(_timed(self._hash), _timed(self._compute), _timed(self._stream))

    def _hash(self) -> None:
        hashlib.sha256(self._text).digest()

    def _compute(self) -> None:
        for _ in range(CALLS):
            np.multiply(self._values, 3, out=self._product)

    def _stream(self) -> None:
        np.copyto(self._copy, self._source)
        np.copyto(self._source, self._copy)


def fastest(measured: Sequence[LoopTimes]) -> LoopTimes:
    """Return the fastest times: of each loop, the 3rd percentile (FASTEST) of its times.

    Times are in s. There must be at least one entry.
    """
    times = [(times.clock, times.compute, times.memory) for times in measured]
    return LoopTimes(*map(float, np.percentile(times, FASTEST, axis=0)))


def slower(one: LoopTimes, other: LoopTimes) -> LoopTimes:
    """Return the slower times: per loop, the larger number of seconds."""
    return LoopTimes(
        max(one.clock, other.clock),
        max(one.compute, other.compute),
        max(one.memory, other.memory),
    )


def _at(offset: int, size: int) -> NDArray[np.uint8]:
    """Return a byte array of ones that starts at an offset into a memory page."""
    memory = np.ones(size + 2 * PAGE, np.uint8)
    begin = -memory.ctypes.data % PAGE + offset
    return memory[begin : begin + size]


def _timed(loop: Callable[[], None]) -> float:
    start = time.perf_counter()
    loop()
    return time.perf_counter() - start
