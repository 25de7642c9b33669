"""How quiet this machine was while something was timed."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from edge_imgq.skipped import Skipped

NOISE = 0.1
"""Processors that others may use before a time counts as disturbed."""

STEADY = 1.25
"""p90 over the median above which a time counts as disturbed."""

APART = 0.05
"""Share of the median by which the medians of fifths of a run may differ."""


@dataclass(frozen=True)
class Moment:
    """Processor time of the machine and of this process at one moment, in seconds.

    Attributes:
        clock: of the wall.
        busy: of all processes on all processors, None where the system does not say.
        own: of this process.
        stolen: that a hypervisor gave to other machines, None likewise.
    """

    clock: float
    busy: float | None
    own: float
    stolen: float | None = None


@dataclass(frozen=True)
class Load:
    """What ran beside this process between two moments.

    Attributes:
        used: processors that other programs used, None where that is not known.
        stolen: processors that a hypervisor took.
        average: programs that wanted to run, over the last minute; None where that is not known.
    """

    used: float | None
    stolen: float = 0.0
    average: float | None = None


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def moment(statistics: Path = Path("/proc/stat")) -> Moment:
    """Return the present one; Linux tells in a file what its processors did."""
    busy, stolen = _processor_seconds(statistics) or (None, None)
    return Moment(time.perf_counter(), busy, time.process_time(), stolen)


def load(before: Moment, after: Moment) -> Load:
    """Return what ran beside this process between two moments.

    Nothing is known where the system does not say, or where less than a tenth of a second lies
    between: the system counts in hundredths.
    """
    elapsed = after.clock - before.clock
    average = _load_average()
    if before.busy is None or after.busy is None or elapsed < 0.1:
        return Load(None, average=average)
    used = after.busy - before.busy - (after.own - before.own)
    stolen = (after.stolen or 0.0) - (before.stolen or 0.0)
    return Load(max(used / elapsed, 0.0), stolen / elapsed, average)


QUIET = "quiet machine"

MENTIONED = 0.1
"""Share of runs that do not count from which it is said."""


@dataclass(frozen=True)
class Evenness:
    """What a fixed loop beside the runs showed of the processor's pace.

    Attributes:
        own: runs while the processor was at its own pace.
        runs: all of them.
        enough: whether the first are enough to count alone.
        slowness: over the runs that were not, in the median: the time of the loop that fell
            behind the most, over its fastest.
    """

    own: int
    runs: int
    enough: bool = True
    slowness: float = 1.0

    @property
    def left_out(self) -> int:
        """Runs that do not count."""
        return self.runs - self.own if self.enough else 0


ALL_EVEN = Evenness(1, 1)


def conditions(
    found: Load, median: float, p90: float, noise: float = 0.0, evenness: Evenness = ALL_EVEN
) -> tuple[str, bool]:
    """Return in words how quiet the machine was, and whether that makes times doubtful.

    Args:
        found: what ran beside.
        median: of the times.
        p90: of the times.
        noise: how far the medians of fifths lie apart, as a share of the median.
        evenness: what a loop beside them showed.
    """
    reasons = _neighbours(found)
    if not evenness.enough:
        reasons.append(
            f"in {evenness.runs - evenness.own} of {evenness.runs} runs its processor was slowed "
            f"or shared: a fixed loop beside them took {evenness.slowness:.2f} times as long"
        )
    if p90 > median * STEADY:
        reasons.append(f"p90 is {p90 / median:.1f} times the median")
    if noise > APART:
        reasons.append(f"the medians of fifths of its runs lie {noise:.0%} apart")
    if not reasons:
        return _undisturbed(found, evenness), False
    if found.average is not None:
        reasons.append(f"load average {found.average:.1f}")
    return f"this machine was not quiet: {', '.join(reasons)}", True


def _undisturbed(found: Load, evenness: Evenness) -> str:
    if evenness.left_out > MENTIONED * evenness.runs:
        return (
            f"{evenness.left_out} of {evenness.runs} runs do not count: beside them a fixed loop "
            "showed a slowed or shared processor"
        )
    return QUIET if found.used is not None else "load not known"


def temperature(zones: Path = Path("/sys/class/thermal")) -> str | Skipped:
    """Return the temperature of the hottest zone in words; Linux says it, where it has sensors."""
    degrees = []
    for file in sorted(zones.glob("thermal_zone*/temp")):
        try:
            degrees.append(int(file.read_text()) / 1e3)
        except (OSError, ValueError):
            continue
    return f"{max(degrees):.0f} °C" if degrees else Skipped("this machine tells no temperature")


def _neighbours(found: Load) -> list[str]:
    count = processors()
    reasons = []
    if found.used is not None and found.used > NOISE:
        reasons.append(f"other programs used {found.used:.1f} of {count} processors")
    if found.stolen > NOISE:
        reasons.append(f"its hypervisor took {found.stolen:.1f} of {count} processors")
    return reasons


def _load_average() -> float | None:
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return None


def _processor_seconds(path: Path) -> tuple[float, float] | None:
    """Return the time since boot that processors were busy, and that was stolen; Linux alone says.

    Of the processors that this process may use: pinned to one (taskset), it has that one's.
    """
    try:
        rows = [line.split() for line in path.read_text().splitlines()]
        own = {f"cpu{number}" for number in os.sched_getaffinity(0)}
        counts = [map(int, row[1:9]) for row in rows if row and row[0] in own]
        user, nice, system, _, _, irq, softirq, steal = map(sum, zip(*counts, strict=True))
    except (OSError, ValueError, AttributeError):
        return None
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / tick, steal / tick
