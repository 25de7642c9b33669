"""Load of this machine while a file was timed."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from edge_imgq.skipped import Skipped

NOISE = 0.1
"""Processors used by other programs above which a time counts as disturbed."""

STEADY = 1.25
"""Ratio of p90 to the median above which a time counts as disturbed."""

UNEVEN = 0.05
"""Range of the medians of fifths, relative to the median, above which a time is disturbed."""


@dataclass(frozen=True)
class Moment:
    """Processor time of the machine and of this process at one moment, in s.

    Attributes:
        clock: wall clock.
        busy: all processes on all processors; None if the system does not report it.
        own: this process.
        stolen: given by a hypervisor to other machines; None if the system does not report it.
    """

    clock: float
    busy: float | None
    own: float
    stolen: float | None = None


@dataclass(frozen=True)
class Load:
    """Load beside this process between two moments.

    Attributes:
        used: processors used by other programs; None if unknown.
        stolen: processors taken by a hypervisor.
        average: load average over the last minute; None if unknown.
    """

    used: float | None
    stolen: float = 0.0
    average: float | None = None


def processors() -> int:
    """Return the number of logical processors that this process may use (taskset counts)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def moment(statistics: Path = Path("/proc/stat")) -> Moment:
    """Read the clock and the processor times, in s, at this moment.

    Times of all processes and of the hypervisor come from /proc/stat on Linux, over the processors
    that this process may use; elsewhere they are None.
    """
    busy, stolen = _processor_seconds(statistics) or (None, None)
    return Moment(time.perf_counter(), busy, time.process_time(), stolen)


def load(before: Moment, after: Moment) -> Load:
    """Return the load that other programs and the hypervisor caused between two moments.

    Figures are in processors: 1.0 is one that is busy all the time. `used` is None if the system
    does not report it, or if `after` is less than 0.1 s later than `before`: the system counts in
    hundredths of a second.
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
"""Fraction of uncounted runs from which they are reported."""


@dataclass(frozen=True)
class Evenness:
    """Processor speed during the runs, as measured by fixed loops.

    Attributes:
        full_speed: number of runs at full processor speed.
        runs: all runs.
        enough: whether the former are enough to count alone.
        slowness: for the other runs, the median ratio of the slowest loop's time to its fastest.
    """

    full_speed: int
    runs: int
    enough: bool = True
    slowness: float = 1.0

    @property
    def left_out(self) -> int:
        """Number of runs that do not count: those with a slowed processor, 0 if all count."""
        return self.runs - self.full_speed if self.enough else 0


ALL_EVEN = Evenness(1, 1)


def conditions(
    beside: Load, median: float, p90: float, noise: float = 0.0, evenness: Evenness = ALL_EVEN
) -> tuple[str, bool]:
    """Describe how quiet the machine was in a phrase, and return whether times are doubtful.

    They are if other programs or the hypervisor took more than a tenth of a processor (NOISE), if
    too few runs had full processor speed, if p90 exceeds 1.25 times the median (STEADY), or `noise`
    exceeds 0.05 (UNEVEN). The phrase then says why.

    Args:
        beside: load of other programs and of the hypervisor.
        median: median of the times, in the unit of `p90`.
        p90: 90th percentile of the times.
        noise: range of the medians of fifths, relative to the median.
        evenness: processor speed during the runs.
    """
    reasons = _neighbours(beside)
    if not evenness.enough:
        slowed = evenness.runs - evenness.full_speed
        reasons.append(
            f"in {slowed} of {evenness.runs} runs its processor was slowed "
            f"or shared: a fixed loop beside them took {evenness.slowness:.2f} times as long"
        )
    if p90 > median * STEADY:
        reasons.append(f"p90 is {p90 / median:.1f} times the median")
    if noise > UNEVEN:
        reasons.append(f"the medians of fifths of its runs lie {noise:.0%} apart")
    if not reasons:
        return _undisturbed(beside, evenness), False
    if beside.average is not None:
        reasons.append(f"load average {beside.average:.1f}")
    return f"this machine was not quiet: {', '.join(reasons)}", True


def _undisturbed(beside: Load, evenness: Evenness) -> str:
    if evenness.left_out > MENTIONED * evenness.runs:
        return (
            f"{evenness.left_out} of {evenness.runs} runs do not count: beside them a fixed loop "
            "showed a slowed or shared processor"
        )
    return QUIET if beside.used is not None else "load not known"


def temperature(zones: Path = Path("/sys/class/thermal")) -> str | Skipped:
    """Return the temperature of the hottest thermal zone as text, such as "47 °C".

    From Linux's sensors in `zones`, rounded to whole degrees; a `Skipped` if there is none.
    """
    degrees = []
    for file in sorted(zones.glob("thermal_zone*/temp")):
        try:
            degrees.append(int(file.read_text()) / 1e3)
        except (OSError, ValueError):
            continue
    return f"{max(degrees):.0f} °C" if degrees else Skipped("this machine reports no temperature")


def _neighbours(beside: Load) -> list[str]:
    count = processors()
    reasons = []
    if beside.used is not None and beside.used > NOISE:
        reasons.append(f"other programs used {beside.used:.1f} of {count} processors")
    if beside.stolen > NOISE:
        reasons.append(f"its hypervisor took {beside.stolen:.1f} of {count} processors")
    return reasons


def _load_average() -> float | None:
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return None


def _processor_seconds(path: Path) -> tuple[float, float] | None:
    """Return busy and stolen seconds since boot, or None outside Linux.

    They are summed over the processors that this process may use (taskset).
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
