"""Timing of an open file on this host, in rounds that alternate between files.

Background load varies over time. Rounds spread over the whole run expose every file to the same
load. Fixed loops between the calls show whether the processor is at full speed; calls beside slow
loops are not counted (`edge_imgq.devices.quiet_runs`). The range of the medians of five fifths of
the run shows the remaining variation.
"""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.devices.cpu_speed import LoopTimes, SpeedProbe
from edge_imgq.devices.latency import Latency
from edge_imgq.devices.load import Load, conditions, load, moment, temperature
from edge_imgq.devices.protocol import RUNS, WARM_UP
from edge_imgq.devices.quiet_runs import (
    MIN_CALLS,
    TimedCalls,
    fastest_times,
    select_calls,
    undisturbed,
)
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.runtime.protocol import Session

ROUNDS = 5
"""Number of rounds in which a file is timed."""

SECONDS = 2.0
"""Seconds of calls of a slow file, unless MIN_CALLS calls take longer."""

BATCH = 0.01
"""Seconds of calls between two measurements of processor speed; a slower file gets one call."""

ENOUGH = 30
"""Undisturbed calls to reach, in MORE_ROUNDS extra rounds at most."""

MORE_ROUNDS = 2 * ROUNDS

PATIENCE = 10.0
"""Seconds of calls of one file after which no more are made."""

WARM_CHANGE = 0.02
"""Relative change of the median of consecutive warm-up calls below which a file is warm."""

WARMING = 1.0
"""Seconds of warm-up calls, at most."""

WARMING_SHARE = 0.25
"""The same as a fraction of an overall time limit."""

NOT_TIMED = Skipped("opening was not timed")


class Stopwatch:
    """Times the calls of one open file.

    Attributes:
        batches: all timed calls so far.
    """

    def __init__(
        self,
        session: Session,
        size: tuple[int, int],
        init_ms: float | Skipped = NOT_TIMED,
    ) -> None:
        """Prepare a file for timing.

        Args:
            session: open file.
            size: height and width of the input.
            init_ms: time in ms that opening it took.
        """
        self._session, self._size, self._init_ms = session, size, init_ms
        self._call = session.prepare(size)
        self._warm_up = 0
        self._is_quick = False
        self.batches: list[TimedCalls] = []

    def warm(self, least: int = WARM_UP, seconds: float = WARMING) -> None:
        """Call the file, uncounted, until the median of consecutive groups of calls is stable.

        That is, until it changes by at most 2 % (WARM_CHANGE).

        Args:
            least: calls per group; fewer for a slow file.
            seconds: time limit of the warm-up, in s; the call that passes it is the last.
        """
        end = time.perf_counter() + seconds
        before, is_warm = 0.0, False
        while not is_warm:
            now = float(np.median(self._uncounted(least, end)))
            is_warm = abs(now - before) <= WARM_CHANGE * now or time.perf_counter() > end
            before = now

    def refresh(self) -> None:
        """Call the file once, uncounted, to bring its data back into the caches."""
        self._uncounted(1)

    def round(self, runs: int, probe: SpeedProbe, end: float = math.inf) -> None:
        """Time one round of calls and append them to `batches`, with the loop times around each.

        Args:
            runs: largest number of calls; fewer for a slow file, 0.4 s of calls but at least two.
            probe: runs the loops that measure processor speed.
            end: `time.perf_counter` value after which no more calls start, except the first.
        """
        most, fewest = SECONDS / ROUNDS, -(-MIN_CALLS // ROUNDS)
        seconds: list[float] = []
        before = probe.measure()
        while len(seconds) < runs and (sum(seconds) < most or len(seconds) < fewest):
            if seconds and time.perf_counter() >= end:
                break
            calls = self._batch(runs - len(seconds))
            after = probe.measure()
            self.batches.append(TimedCalls(calls, before, after))
            before = after
            seconds += calls

    def lacks(self, best: LoopTimes, minimum: int) -> bool:
        """Return True if more undisturbed calls are wanted, and calls took less than 10 s so far.

        Args:
            best: fastest loop times that were measured; a call beside slower ones is disturbed.
            minimum: number of undisturbed calls to reach.
        """
        spent = sum(sum(batch.seconds) for batch in self.batches)
        return len(undisturbed(self.batches, best)) < minimum and spent < PATIENCE

    def latency(self, beside: Load, best: LoopTimes) -> Latency:
        """Return the statistics, in ms, of the calls that count, and their conditions.

        There must be a timed call. Memory is a `Skipped`.

        Args:
            beside: load of other programs during the calls.
            best: fastest loop times that were measured.
        """
        selected = select_calls(self.batches, best)
        milliseconds = np.array(selected.seconds) * 1e3
        median, p90, p95 = (float(np.percentile(milliseconds, share)) for share in (50, 90, 95))
        noise = relative_range(milliseconds)
        said, disturbed = conditions(
            beside, median, p90, 0.0 if isinstance(noise, Skipped) else noise, selected.evenness
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
            left_out=selected.evenness.left_out,
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
        """Call the file for BATCH seconds, and at least once; return the seconds of each call."""
        if self._is_quick:
            self.refresh()  # the speed loops have evicted its data from the caches
        seconds = [_timed(self._call)]
        while len(seconds) < most and sum(seconds) < BATCH:
            seconds.append(_timed(self._call))
        return tuple(seconds)

    def _uncounted(self, calls: int, end: float = math.inf) -> list[float]:
        """Make warm-up calls until a count or moment is reached, and at least one."""
        seconds = [_timed(self._call)]
        while len(seconds) < calls and time.perf_counter() < end:
            seconds.append(_timed(self._call))
        self._warm_up += len(seconds)
        self._is_quick = seconds[-1] < BATCH / 2
        return seconds


def time_in_turns(
    watches: Sequence[Stopwatch], runs: int, warm_up: int = WARM_UP, seconds: float = math.inf
) -> tuple[Latency, ...]:
    """Time several files in alternating rounds, in ms, and state whether the machine was quiet.

    Latencies are in the order of the stopwatches. Rounds are added for files with too few
    undisturbed calls.

    Args:
        watches: stopwatches of the files; () if empty.
        runs: largest number of timed calls per file before rounds are added.
        warm_up: smallest number of uncounted calls before; 0 if the files are warm.
        seconds: overall time limit in s; every file gets at least one warm-up call (unless
            `warm_up` is 0) and one timed call.
    """
    if not watches:
        return ()
    end = time.perf_counter() + seconds
    for watch in watches if warm_up else ():
        watch.warm(warm_up, min(WARMING, seconds * WARMING_SHARE / len(watches)))
    probe, before = SpeedProbe(), moment()
    for number in range(ROUNDS):
        _round(watches, (runs + ROUNDS - 1 - number) // ROUNDS, probe, end)
    for _ in range(MORE_ROUNDS):
        best = fastest_times(_batches(watches))
        lacking = [watch for watch in watches if watch.lacks(best, min(runs, ENOUGH))]
        _round(lacking, -(-runs // ROUNDS), probe, end)
    beside, best = load(before, moment()), fastest_times(_batches(watches))
    return tuple(watch.latency(beside, best) for watch in watches)


def _round(watches: Sequence[Stopwatch], share: int, probe: SpeedProbe, end: float) -> None:
    for watch in watches if share else ():
        if watch.batches and time.perf_counter() >= end:
            continue
        if len(watches) > 1:
            watch.refresh()
        watch.round(share, probe, end)


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
    """Time one file on this host, in ms, and state whether the machine was quiet.

    Args:
        session: open file.
        size: height and width of the input in pixels.
        runs: calls to count; fewer for a slow file, about 2 s of calls (SECONDS), and more if calls
            were disturbed, to reach 30 others (ENOUGH).
        warm_up: smallest number of uncounted calls before.
        init_ms: time in ms that opening it took.
        seconds: time limit in s; one warm-up and one timed call are always made.
    """
    return time_in_turns([Stopwatch(session, size, init_ms)], runs, warm_up, seconds)[0]


def relative_range(times: NDArray[np.float64]) -> float | Skipped:
    """Return the range of the medians of fifths of a run, relative to the overall median.

    0.05 means that the slowest fifth's median exceeds the fastest's by 5 % of the overall one. A
    `Skipped` if there are fewer times than fifths.

    Args:
        times: times of the counted calls, (calls,) in any unit, in the order of calling.
    """
    if len(times) < ROUNDS:
        return Skipped(f"it was timed fewer than {ROUNDS} times")
    medians = [float(np.median(fifth)) for fifth in np.array_split(times, ROUNDS)]
    return (max(medians) - min(medians)) / float(np.median(times))


def host_name() -> str:
    """Return "host: ", the processor, system and architecture of this machine, for reports."""
    return f"host: {_processor()}, {platform.system()} {platform.machine()}"


def _timed(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _processor() -> str:
    """Return the processor's name, from /proc on Linux and from `platform` elsewhere."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"
