"""How long a file takes on this host, and where exactly that was."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from edge_imgq.runtime.protocol import Session

WARM_UP = 5
RUNS = 30
FEWEST = 10
SECONDS = 2.0
"""A slow file is timed FEWEST times, or for this long if that allows more."""


@dataclass(frozen=True)
class Latency:
    """Time of one call of a file, without reading or writing pixels.

    Attributes:
        median_ms: over the runs.
        p90_ms: ninetieth percentile.
        runs: counted calls.
        warm_up: calls before, not counted.
        threads: processor threads.
        size: height and width of the input.
        device: the machine, e.g. "host: AMD EPYC, Linux x86_64".
        runtime: runtime, version and delegate.
    """

    median_ms: float
    p90_ms: float
    runs: int
    warm_up: int
    threads: int
    size: tuple[int, int]
    device: str
    runtime: str


def measure(
    session: Session, size: tuple[int, int], runs: int = RUNS, warm_up: int = WARM_UP
) -> Latency:
    """Time a file.

    Args:
        session: an open file.
        size: height and width of the input.
        runs: calls to count at most; fewer for a slow file, see SECONDS.
        warm_up: calls before that.
    """
    call = session.prepare(size)
    for _ in range(warm_up):
        call()
    milliseconds = np.array(_times(call, runs)) * 1e3
    return Latency(
        median_ms=float(np.median(milliseconds)),
        p90_ms=float(np.percentile(milliseconds, 90)),
        runs=len(milliseconds),
        warm_up=warm_up,
        threads=session.identity.threads,
        size=size,
        device=host_name(),
        runtime=str(session.identity),
    )


def host_name() -> str:
    """Return this machine in words."""
    return f"host: {_processor()}, {platform.system()} {platform.machine()}"


def _times(call: Callable[[], None], runs: int) -> list[float]:
    seconds: list[float] = []
    while len(seconds) < runs and (sum(seconds) < SECONDS or len(seconds) < FEWEST):
        seconds.append(_timed(call))
    return seconds


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
