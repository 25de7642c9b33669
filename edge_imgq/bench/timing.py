"""Timing one file on a device, or saying why that means nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_imgq.devices.host import HOST, footprint
from edge_imgq.devices.protocol import WARM_UP
from edge_imgq.errors import UsageError
from edge_imgq.runtime.memory import activation_memory
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from pathlib import Path

    from edge_imgq.devices.latency import Latency
    from edge_imgq.devices.protocol import Device, DeviceSession
    from edge_imgq.runtime.memory import ActivationMemory

DEFAULT_SIZE = (180, 320)
"""Height and width for files that take any and name none."""

NOT_ASKED = Skipped("not asked for (--sustained)")


@dataclass(frozen=True)
class Sustained:
    """Times of a file that runs on and on: what throttling costs.

    Attributes:
        seconds: from the first round to the end of the last.
        medians_ms: of the rounds, in order.
        slowdown: median of the last round over that of the first.
        conditions: after the last round.
    """

    seconds: float
    medians_ms: tuple[float, ...]
    slowdown: float
    conditions: str


@dataclass(frozen=True)
class Timing:
    """One file, its time and its memory.

    Attributes:
        file: its path, as the person gave it.
        device: where, by its name.
        latency: there.
        sustained: there, in rounds.
        memory: of its activations, read from the file.
        footprint: bytes that its runtime needs for it at its peak, measured on this host.
    """

    file: str
    device: str
    latency: Latency | Skipped
    sustained: Sustained | Skipped
    memory: ActivationMemory | Skipped
    footprint: int | Skipped


@dataclass(frozen=True)
class TimingRequest:
    """How to time.

    Attributes:
        threads: processor threads.
        runs: calls to count.
        size: height and width of the input; None for each file's own.
        sustained: seconds to go on for in rounds; 0 for one round.
        memory: whether to measure the footprint.
    """

    threads: int
    runs: int
    size: tuple[int, int] | None
    sustained: float = 0.0
    memory: bool = False


def not_timed(path: Path, device: str, reason: str) -> Timing:
    """Return the timing of a file that did not run."""
    absent = Skipped(reason)
    return Timing(str(path), device, absent, absent, absent, absent)


def time_file(path: Path, device: Device, request: TimingRequest) -> tuple[Timing, ...]:
    """Open a file on a device and time it; one that was written for several sizes, at each.

    Args:
        path: a file that edge-imgq wrote.
        device: where.
        request: how.

    Raises:
        ModelError: the file cannot be opened.
        UnsupportedOperatorError: the device refuses operators of it.
        UsageError: the network does not take images of that size.
        DeviceError: the device went away.
    """
    if refusal := device.refusal(path):
        return (not_timed(path, device.name, refusal),)
    session = device.open(path, request.threads)
    try:
        wanted = (request.size,) if request.size else session.sizes or (DEFAULT_SIZE,)
        return tuple(_timing(path, device.name, session, size, request) for size in wanted)
    finally:
        session.close()


def _timing(
    path: Path, device: str, session: DeviceSession, size: tuple[int, int], request: TimingRequest
) -> Timing:
    latency = _latency(session, request.runs, size)
    sustained = _sustained(session, size, request, latency)
    memory, process = activation_memory(path, size), _footprint(path, device, size, request)
    return Timing(str(path), device, latency, sustained, memory, process)


def _latency(session: DeviceSession, runs: int, size: tuple[int, int]) -> Latency | Skipped:
    if session.sizes and size not in session.sizes and not session.resizable:
        sizes = " and ".join(f"{height}x{width}" for height, width in session.sizes)
        return Skipped(f"the file takes {sizes} alone")
    multiple = session.note.contract.multiple
    if size[0] % multiple or size[1] % multiple:
        raise UsageError(
            f"{size[0]}x{size[1]} does not suit {session.note.model}: its height and width "
            f"must be multiples of {multiple}."
        )
    return session.latency(size, runs, WARM_UP)


def _footprint(
    path: Path, device: str, size: tuple[int, int], request: TimingRequest
) -> int | Skipped:
    if device != HOST:
        return Skipped("measured on the host alone; a phone's is part of its latency")
    if not request.memory:
        return Skipped("not asked for (--memory)")
    return footprint(path, size, request.threads)


def _sustained(
    session: DeviceSession, size: tuple[int, int], request: TimingRequest, first: Latency | Skipped
) -> Sustained | Skipped:
    """Time in rounds until the seconds asked for are over; there are at least two."""
    if not request.sustained:
        return NOT_ASKED
    if isinstance(first, Skipped):
        return first
    start, rounds = time.monotonic(), [first]
    while len(rounds) < 2 or time.monotonic() - start < request.sustained:
        latest = session.latency(size, request.runs, warm_up=0)
        if isinstance(latest, Skipped):
            return latest
        rounds.append(latest)
    medians = tuple(found.median_ms for found in rounds)
    passed = time.monotonic() - start
    return Sustained(passed, medians, medians[-1] / medians[0], rounds[-1].conditions)
