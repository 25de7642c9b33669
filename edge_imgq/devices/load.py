"""How quiet this machine was while something was timed."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

NOISE = 0.1
"""Processors that other programs may use before a time counts as disturbed."""

STEADY = 1.25
"""p90 over the median above which a time counts as disturbed."""


@dataclass(frozen=True)
class Moment:
    """Processor time of the machine and of this process at one moment, in seconds.

    Attributes:
        clock: of the wall.
        busy: of all processes on all processors, None where the system does not say.
        own: of this process.
    """

    clock: float
    busy: float | None
    own: float


def moment() -> Moment:
    """Return the present one."""
    return Moment(time.perf_counter(), _busy_seconds(), time.process_time())


def others(before: Moment, after: Moment) -> float | None:
    """Return how many processors other programs used between two moments.

    None where the system does not say, or where less than a tenth of a second lies between: the
    system counts in hundredths.
    """
    elapsed = after.clock - before.clock
    if before.busy is None or after.busy is None or elapsed < 0.1:
        return None
    used = after.busy - before.busy - (after.own - before.own)
    return max(used / elapsed, 0.0)


QUIET = "quiet machine"


def conditions(used: float | None, median: float, p90: float) -> tuple[str, bool]:
    """Return in words how quiet the machine was, and whether that makes times doubtful.

    Args:
        used: processors that other programs used.
        median: of the times.
        p90: of the times.
    """
    count = os.cpu_count() or 1
    unsteady = p90 > median * STEADY
    if used is None:
        said = "load not known"
    elif used > NOISE:
        said = f"not quiet: other programs used {used:.1f} of {count} processors"
    else:
        said = QUIET
    if unsteady:
        said += f", unsteady: p90 is {p90 / median:.1f} times the median"
    return said, unsteady or (used is not None and used > NOISE)


def _busy_seconds(path: Path = Path("/proc/stat")) -> float | None:
    """Return the processor time since boot that was not idle; Linux alone says."""
    try:
        fields = path.read_text().split("\n", 1)[0].split()[1:]
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
    except (OSError, ValueError):
        return None
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
