"""Timing one open file on this host, in rounds between which other files may have their turn.

What a machine does beside comes and goes. Rounds that are spread over the whole of a run meet the
same of it for every file. Between the calls fixed loops show whether the processor is at its
own pace: calls beside slow ones do not count (`edge_imgq.devices.quiet_runs`). How far the rest
still varies, the medians of its fifths show.
"""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.devices.cpu_speed import Pace, PaceMaker
from edge_imgq.devices.latency import Latency
from edge_imgq.devices.load import Load, conditions, load, moment, temperature
from edge_imgq.devices.protocol import RUNS, WARM_UP
from edge_imgq.devices.quiet_runs import FEWEST, TimedCalls, best_pace, count, undisturbed
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.runtime.protocol import Session

ROUNDS = 5
"""A file is timed in so many rounds."""

SECONDS = 2.0
"""A slow file is timed FEWEST times, or for this long if that allows more."""

BATCH = 0.01
"""Seconds of calls between two looks at the processor's pace; slower files get one call."""

ENOUGH = 30
"""Calls at the processor's own pace that are looked for, in MORE_ROUNDS at most."""

MORE_ROUNDS = 2 * ROUNDS

PATIENCE = 10.0
"""Seconds of calls of one file after which no more are looked for."""

SETTLED = 0.02
"""Share of the median that a warm file's next few calls may differ by."""

WARMING = 1.0
"""Seconds after which no more calls are made to warm a file up."""

WARMING_SHARE = 0.25
"""The same as a share of a limit on the whole."""

NOT_TIMED = Skipped("opening was not timed")


class Stopwatch:
    """Times the calls of one open file.

    Attributes:
        batches: all calls that were timed so far.
    """

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
        self._is_quick = False
        self.batches: list[TimedCalls] = []

    def warm(self, least: int = WARM_UP, seconds: float = WARMING) -> None:
        """Call the file until the median of its next few calls is that of the last few.

        Args:
            least: calls at a time; fewer for a slow file.
            seconds: after which no more calls are made.
        """
        end = time.perf_counter() + seconds
        before, settled = 0.0, False
        while not settled:
            now = float(np.median(self._uncounted(least, end)))
            settled = abs(now - before) <= SETTLED * now or time.perf_counter() > end
            before = now

    def refresh(self) -> None:
        """Call the file once, which fetches back what others pushed out of caches."""
        self._uncounted(1)

    def round(self, runs: int, maker: PaceMaker, end: float = math.inf) -> None:
        """Time some calls.

        Args:
            runs: to count at most; fewer for a slow file, see SECONDS.
            maker: runs the loops beside them.
            end: moment after which no more are made; the first is.
        """
        most, fewest = SECONDS / ROUNDS, -(-FEWEST // ROUNDS)
        seconds: list[float] = []
        pace = maker.pace()
        while len(seconds) < runs and (sum(seconds) < most or len(seconds) < fewest):
            if seconds and time.perf_counter() >= end:
                break
            calls = self._batch(runs - len(seconds))
            after = maker.pace()
            self.batches.append(TimedCalls(calls, pace, after))
            pace = after
            seconds += calls

    def lacks(self, best: Pace, wanted: int) -> bool:
        """Tell whether more calls at the processor's own pace are wanted, and time is left.

        Args:
            best: the fastest pace.
            wanted: such calls.
        """
        spent = sum(sum(batch.seconds) for batch in self.batches)
        return len(undisturbed(self.batches, best)) < wanted and spent < PATIENCE

    def latency(self, beside: Load, best: Pace) -> Latency:
        """Return what the calls come to.

        Args:
            beside: what ran beside this process meanwhile.
            best: the fastest pace that was seen.
        """
        counted = count(self.batches, best)
        milliseconds = np.array(counted.seconds) * 1e3
        median, p90, p95 = (float(np.percentile(milliseconds, share)) for share in (50, 90, 95))
        noise = spread(milliseconds)
        said, disturbed = conditions(
            beside, median, p90, 0.0 if isinstance(noise, Skipped) else noise, counted.evenness
        )
        identity = self._session.identity
        return Latency(
            min_ms=float(milliseconds.min()),
            median_ms=median,
            p90_ms=p90,
            p95_ms=p95,
            noise=noise,
            init_ms=self._init_ms,
            memory_mb=Skipped("on this host, bench --memory measures it"),
            runs=len(milliseconds),
            left_out=counted.evenness.left_out,
            warm_up=self._warm_up,
            loop_ms=best.clock * 1e3,
            threads=identity.threads,
            size=self._size,
            device=host_name(),
            runtime=str(identity),
            delegate=identity.delegate,
            thermal=temperature(),
            conditions=said,
            disturbed=disturbed,
        )

    def _batch(self, most: int) -> tuple[float, ...]:
        """Call the file for BATCH seconds, but once at least."""
        if self._is_quick:
            self.refresh()  # the loops pushed what it needs out of caches
        seconds = [_timed(self._call)]
        while len(seconds) < most and sum(seconds) < BATCH:
            seconds.append(_timed(self._call))
        return tuple(seconds)

    def _uncounted(self, calls: int, end: float = math.inf) -> list[float]:
        """Call the file some times, or until a moment, but at least once."""
        seconds = [_timed(self._call)]
        while len(seconds) < calls and time.perf_counter() < end:
            seconds.append(_timed(self._call))
        self._warm_up += len(seconds)
        self._is_quick = seconds[-1] < BATCH / 2
        return seconds


def time_in_turns(
    watches: Sequence[Stopwatch], runs: int, warm_up: int = WARM_UP, seconds: float = math.inf
) -> tuple[Latency, ...]:
    """Time files, each in turn, round after round, and say whether the machine was quiet.

    Rounds are added for files that too few calls count of.

    Args:
        watches: of the files.
        runs: calls of each to count at most, before rounds are added.
        warm_up: calls before that at least; 0 where the files are warm.
        seconds: that all of it may take; every file gets one call to warm up and one that counts.
    """
    if not watches:
        return ()
    end = time.perf_counter() + seconds
    for watch in watches if warm_up else ():
        watch.warm(warm_up, min(WARMING, seconds * WARMING_SHARE / len(watches)))
    maker, before = PaceMaker(), moment()
    for number in range(ROUNDS):
        _round(watches, (runs + ROUNDS - 1 - number) // ROUNDS, maker, end)
    for _ in range(MORE_ROUNDS):
        best = best_pace(_batches(watches))
        lacking = [watch for watch in watches if watch.lacks(best, min(runs, ENOUGH))]
        _round(lacking, -(-runs // ROUNDS), maker, end)
    beside, best = load(before, moment()), best_pace(_batches(watches))
    return tuple(watch.latency(beside, best) for watch in watches)


def _round(watches: Sequence[Stopwatch], share: int, maker: PaceMaker, end: float) -> None:
    for watch in watches if share else ():
        if watch.batches and time.perf_counter() >= end:
            continue
        if len(watches) > 1:
            watch.refresh()
        watch.round(share, maker, end)


def _batches(watches: Sequence[Stopwatch]) -> list[TimedCalls]:
    return [batch for watch in watches for batch in watch.batches]


def measure(
    session: Session,
    size: tuple[int, int],
    runs: int = RUNS,
    warm_up: int = WARM_UP,
    init_ms: float | Skipped = NOT_TIMED,
    seconds: float = math.inf,
) -> Latency:
    """Time one file on this host, and say whether the machine was quiet meanwhile.

    Args:
        session: an open file.
        size: height and width of the input.
        runs: calls to count; fewer for a slow file, see SECONDS, and more for one whose calls were
            disturbed, see ENOUGH.
        warm_up: calls before that at least.
        init_ms: what opening it took.
        seconds: that it may take; one call to warm up and one that counts are always made.
    """
    return time_in_turns([Stopwatch(session, size, init_ms)], runs, warm_up, seconds)[0]


def spread(times: NDArray[np.float64]) -> float | Skipped:
    """Return how far the medians of fifths of a run lie apart, as a share of the median of all.

    Args:
        times: of the calls that count, in their order.
    """
    if len(times) < ROUNDS:
        return Skipped(f"it was timed fewer than {ROUNDS} times")
    medians = [float(np.median(part)) for part in np.array_split(times, ROUNDS)]
    return (max(medians) - min(medians)) / float(np.median(times))


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
