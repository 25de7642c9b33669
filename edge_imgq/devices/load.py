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
"""Share of the median by which the medians of rounds may differ."""


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


def moment() -> Moment:
    """Return the present one."""
    busy, stolen = _processor_seconds() or (None, None)
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


def conditions(found: Load, median: float, p90: float, noise: float = 0.0) -> tuple[str, bool]:
    """Return in words how quiet the machine was, and whether that makes times doubtful.

    Args:
        found: what ran beside.
        median: of the times.
        p90: of the times.
        noise: how far the medians of rounds lie apart, as a share of the median.
    """
    reasons = _neighbours(found)
    if p90 > median * STEADY:
        reasons.append(f"p90 is {p90 / median:.1f} times the median")
    if noise > APART:
        reasons.append(f"the medians of its rounds lie {noise:.0%} apart")
    if not reasons:
        return (QUIET if found.used is not None else "load not known"), False
    if found.average is not None:
        reasons.append(f"load average {found.average:.1f}")
    return f"this machine was not quiet: {', '.join(reasons)}", True


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
    count = os.cpu_count() or 1
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


def _processor_seconds(path: Path = Path("/proc/stat")) -> tuple[float, float] | None:
    """Return the processor time since boot that was busy, and that was stolen; Linux alone says."""
    try:
        fields = path.read_text().split("\n", 1)[0].split()[1:]
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
    except (OSError, ValueError):
        return None
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / tick, steal / tick
