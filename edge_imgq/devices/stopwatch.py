"""Timing one open file on this host, in rounds between which other files may have their turn.

What a machine does beside comes and goes in seconds. Rounds that are spread over the whole of a
run meet the same of it for every file, and the medians of a file's rounds show how much it was.
"""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.devices.latency import Latency
from edge_imgq.devices.load import Load, conditions, load, moment, temperature
from edge_imgq.devices.protocol import RUNS, WARM_UP
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from edge_imgq.runtime.protocol import Session

ROUNDS = 5
"""A file is timed in so many rounds."""

FEWEST = 10
SECONDS = 2.0
"""A slow file is timed FEWEST times, or for this long if that allows more."""

SETTLED = 0.02
"""Share of the median that a warm file's next few calls may differ by."""

WARMING = 1.0
"""Seconds after which no more calls are made to warm a file up."""

NOT_TIMED = Skipped("opening was not timed")


class Stopwatch:
    """Times the calls of one open file."""

    def __init__(
        self,
        session: Session,
        size: tuple[int, int],
        init_ms: float | Skipped = NOT_TIMED,
    ) -> None:
        """Prepare the file.

        Args:
            session: an open file.
            size: height and width of the input.
            init_ms: what opening it took.
        """
        self._session, self._size, self._init_ms = session, size, init_ms
        self._call = session.prepare(size)
        self._warm_up = 0
        self._rounds: list[list[float]] = []

    def warm(self, least: int = WARM_UP) -> None:
        """Call the file until the median of its next few calls is that of the last few.

        Args:
            least: calls at a time; fewer for a slow file, see WARMING.
        """
        end = time.perf_counter() + WARMING
        before, settled = 0.0, False
        while not settled:
            now = float(np.median(self._uncounted(least, end)))
            settled = abs(now - before) <= SETTLED * now or time.perf_counter() > end
            before = now

    def refresh(self) -> None:
        """Call the file once, which fetches back what other files' turns pushed out of caches."""
        self._uncounted(1)

    def round(self, runs: int) -> None:
        """Time some calls.

        Args:
            runs: to count at most; fewer for a slow file, see SECONDS.
        """
        most, fewest = SECONDS / ROUNDS, -(-FEWEST // ROUNDS)
        seconds: list[float] = []
        while len(seconds) < runs and (sum(seconds) < most or len(seconds) < fewest):
            seconds.append(_timed(self._call))
        self._rounds.append(seconds)

    def latency(self, beside: Load) -> Latency:
        """Return what the rounds come to.

        Args:
            beside: what ran beside this process meanwhile.
        """
        milliseconds = np.array(list(chain(*self._rounds))) * 1e3
        median, p90, p95 = (float(np.percentile(milliseconds, share)) for share in (50, 90, 95))
        noise = spread([float(np.median(seconds)) * 1e3 for seconds in self._rounds], median)
        said, disturbed = conditions(beside, median, p90, noise)
        identity = self._session.identity
        return Latency(
            min_ms=float(milliseconds.min()),
            median_ms=median,
            p90_ms=p90,
            p95_ms=p95,
            noise=noise if len(self._rounds) > 1 else Skipped("it was timed in one round"),
            init_ms=self._init_ms,
            memory_mb=Skipped("on this host, bench --memory measures it"),
            runs=len(milliseconds),
            warm_up=self._warm_up,
            threads=identity.threads,
            size=self._size,
            device=host_name(),
            runtime=str(identity),
            delegate=identity.delegate,
            thermal=temperature(),
            conditions=said,
            disturbed=disturbed,
        )

    def _uncounted(self, calls: int, end: float = math.inf) -> list[float]:
        """Call the file some times, or until a moment, but at least once."""
        seconds = [_timed(self._call)]
        while len(seconds) < calls and time.perf_counter() < end:
            seconds.append(_timed(self._call))
        self._warm_up += len(seconds)
        return seconds


def time_in_turns(
    watches: Sequence[Stopwatch], runs: int, warm_up: int = WARM_UP
) -> tuple[Latency, ...]:
    """Time files, each in turn, round after round, and say whether the machine was quiet.

    Args:
        watches: of the files.
        runs: calls of each to count at most.
        warm_up: calls before that at least; 0 where the files are warm.
    """
    for watch in watches if warm_up else ():
        watch.warm(warm_up)
    before = moment()
    for number in range(ROUNDS):
        share = (runs + ROUNDS - 1 - number) // ROUNDS
        for watch in watches if share else ():
            if len(watches) > 1:
                watch.refresh()
            watch.round(share)
    beside = load(before, moment())
    return tuple(watch.latency(beside) for watch in watches)


def measure(
    session: Session,
    size: tuple[int, int],
    runs: int = RUNS,
    warm_up: int = WARM_UP,
    init_ms: float | Skipped = NOT_TIMED,
) -> Latency:
    """Time one file on this host, and say whether the machine was quiet meanwhile.

    Args:
        session: an open file.
        size: height and width of the input.
        runs: calls to count at most; fewer for a slow file, see SECONDS.
        warm_up: calls before that at least.
        init_ms: what opening it took.
    """
    return time_in_turns([Stopwatch(session, size, init_ms)], runs, warm_up)[0]


def spread(medians: Sequence[float], median: float) -> float:
    """Return how far the medians of rounds lie apart, as a share of the median of all."""
    return (max(medians) - min(medians)) / median


def host_name() -> str:
    """Return this machine in words."""
    return f"host: {_processor()}, {platform.system()} {platform.machine()}"


def _timed(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _processor() -> str:
    """Return the processor's own name; Linux has it in /proc, macOS and Windows in `platform`."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"
