"""Measure the latency of files on a device, or state why it would be meaningless."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_imgq.devices.arm64.operator_costs import OperatorCosts
from edge_imgq.devices.host import HOST, HostDevice, HostSession, footprint
from edge_imgq.devices.instructions import Instructions
from edge_imgq.devices.latency import Latency
from edge_imgq.devices.protocol import WARM_UP
from edge_imgq.devices.stopwatch import Stopwatch, time_in_turns
from edge_imgq.errors import EdgeImgqError, ModelError, RuntimeUnavailableError, UsageError
from edge_imgq.formats import format_of
from edge_imgq.runtime.memory import ActivationMemory, known_memory
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from edge_imgq.devices.protocol import Device, DeviceSession

DEFAULT_SIZE = (180, 320)
"""Input (height, width) for files that take any size, if none is given."""

HELD = 2**30
"""Largest size in bytes of the activations of files that are timed in turns; more files wait."""

NOT_REQUESTED = Skipped("not requested (--sustained)")
NO_OPERATORS = Skipped("not requested (--operators)")


@dataclass(frozen=True)
class Sustained:
    """Latencies of a file that runs continuously, to show thermal throttling.

    Attributes:
        seconds: from the end of the first round to the end of the last.
        medians_ms: median of each round in ms, in order.
        slowdown: median of the last round divided by that of the first.
        conditions: state of the machine after the last round.
    """

    seconds: float
    medians_ms: tuple[float, ...]
    slowdown: float
    conditions: str


@dataclass(frozen=True)
class Timing:
    """Latency and memory of one file.

    Attributes:
        file: path of the file, as the user gave it.
        device: name of the device.
        latency: latency of one call on the device.
        sustained: latencies in repeated rounds.
        instructions: instructions of one call.
        memory: memory of the activations, computed from the file.
        footprint: peak bytes of the runtime for the file, measured on this host.
        operators: cost of each operator on the device.
    """

    file: str
    device: str
    latency: Latency | Skipped
    sustained: Sustained | Skipped
    instructions: Instructions | Skipped
    memory: ActivationMemory | Skipped
    footprint: int | Skipped
    operators: OperatorCosts | Skipped = NO_OPERATORS


@dataclass(frozen=True)
class TimingRequest:
    """Settings of a measurement.

    Attributes:
        threads: processor threads.
        runs: number of timed calls.
        size: input (height, width); None for each file's own.
        sustained: seconds of repeated rounds; 0 for a single round.
        memory: True to measure the footprint.
        operators: True to count the cost of each operator.
    """

    threads: int
    runs: int
    size: tuple[int, int] | None
    sustained: float = 0.0
    memory: bool = False
    operators: bool = False


def not_timed(path: Path, device: str, reason: str) -> Timing:
    """Return the timing of a file that did not run, with the reason in every field.

    `device` is its name. Latency, memory and the others are `Skipped(reason)`; operators are as if
    not requested.
    """
    absent = Skipped(reason)
    return Timing(str(path), device, absent, absent, absent, absent, absent)


def time_file(path: Path, device: Device, request: TimingRequest) -> tuple[Timing, ...]:
    """Open a file on a device and measure its latency in ms, at each size it was written for.

    One timing per size, or for the size of the request alone; 180 × 320 pixels (DEFAULT_SIZE) for a
    file of any size. The device is released at the end. A size that the file does not take gives a
    `Skipped`.

    Args:
        path: file written by edge-imgq, of a format that the device runs.
        device: device that runs the file.
        request: threads, runs, size and what else to measure.

    Raises:
        ModelError: the file cannot be opened.
        UnsupportedOperatorError: the device rejects operators of the file.
        UsageError: the size is no multiple that the network requires.
        DeviceError: the device disconnected.
    """
    session = device.open(path, request.threads)
    try:
        return tuple(
            _timing(path, device.name, session, size, _latency(session, size, request), request)
            for size in _sizes(session, request)
        )
    finally:
        session.close()


def time_on_host(
    paths: Sequence[Path],
    device: HostDevice,
    request: TimingRequest,
    broken: dict[Path, EdgeImgqError],
) -> tuple[Timing, ...]:
    """Measure latencies in ms on this host in turns, so that load affects all files alike.

    Timings are in the order of `paths`, one per size of a file. A file of any size is timed at the
    sizes of a file beside it, or at 180 × 320 pixels (DEFAULT_SIZE).

    Args:
        paths: files written by edge-imgq.
        device: this host.
        request: threads, runs, size and what else to measure.
        broken: receives files that are damaged or whose runtime is missing, with the error; they
            get no timing.

    Raises:
        UsageError: the size is no multiple that a network requires.
        RuntimeUnavailableError: the runtime of a file beside another is not installed.
    """
    return tuple(
        timing
        for group in _groups(paths, request, broken)
        for timing in _time_group(group, device, request)
    )


@dataclass(frozen=True)
class _Case:
    """One opened file at one size."""

    path: Path
    session: HostSession
    size: tuple[int, int]
    memory: ActivationMemory | Skipped

    @property
    def held(self) -> int:
        """Bytes of its activations; 0 if unknown, as on other devices than this host."""
        return 0 if isinstance(self.memory, Skipped) else self.memory.bytes


def _groups(
    paths: Sequence[Path], request: TimingRequest, broken: dict[Path, EdgeImgqError]
) -> Iterator[list[_Case]]:
    """Open files in groups limited by the memory of their activations."""
    group: list[_Case] = []
    for path in paths:
        try:
            session = HostSession.of(path, request.threads)
        except (ModelError, RuntimeUnavailableError) as error:
            broken[path] = error
            continue
        beside = () if session.sizes else _sizes_beside(path, paths)
        more = [
            _Case(path, session, size, known_memory(path, size))
            for size in _sizes(session, request, beside)
        ]
        if group and sum(case.held for case in group + more) > HELD:
            yield group
            group = []
        group += more
    yield group


def _sizes_beside(path: Path, paths: Sequence[Path]) -> tuple[tuple[int, int], ...]:
    """Return the sizes of a file in the same folder whose format allows several."""
    for other in paths:
        row = format_of(other)
        if other.parent == path.parent and row is not None and row.sizes == "several":
            with suppress(ModelError):  # the next one may be whole
                return HostSession.of(other, 1).sizes
    return ()


def _time_group(
    group: Sequence[_Case], device: HostDevice, request: TimingRequest
) -> Iterator[Timing]:
    watches = [_stopwatch(case.session, case.size) for case in group]
    timed = [watch for watch in watches if isinstance(watch, Stopwatch)]
    latencies = iter(time_in_turns(timed, request.runs))
    for case, watch in zip(group, watches, strict=True):
        latency = watch if isinstance(watch, Skipped) else next(latencies)
        yield _timing(case.path, device.name, case.session, case.size, latency, request)


def _sizes(
    session: DeviceSession,
    request: TimingRequest,
    beside: tuple[tuple[int, int], ...] = (),
) -> tuple[tuple[int, int], ...]:
    """Return the sizes to measure; a file of any size uses those of the files beside it."""
    return (request.size,) if request.size else session.sizes or beside or (DEFAULT_SIZE,)


def _timing(
    path: Path,
    device: str,
    session: DeviceSession,
    size: tuple[int, int],
    latency: Latency | Skipped,
    request: TimingRequest,
) -> Timing:
    sustained = time_sustained(session, size, request, latency)
    return Timing(
        str(path),
        device,
        latency,
        sustained,
        instructions=session.instructions(size),
        memory=known_memory(path, size),
        footprint=_footprint(path, device, session, size, request),
        operators=session.operators(size) if request.operators else NO_OPERATORS,
    )


def _latency(
    session: DeviceSession, size: tuple[int, int], request: TimingRequest
) -> Latency | Skipped:
    return _unsuitable(session, size) or session.latency(size, request.runs, WARM_UP)


def _stopwatch(session: HostSession, size: tuple[int, int]) -> Stopwatch | Skipped:
    return _unsuitable(session, size) or session.stopwatch(size)


def _unsuitable(session: DeviceSession, size: tuple[int, int]) -> Skipped | None:
    """Return why a file does not run at a size; None if it does.

    Raises:
        UsageError: the size is not a multiple that the network requires.
    """
    if session.sizes and size not in session.sizes and not session.resizable:
        sizes = " and ".join(f"{height}x{width}" for height, width in session.sizes)
        return Skipped(f"the file takes {sizes} alone")
    multiple = session.note.contract.multiple
    if size[0] % multiple or size[1] % multiple:
        raise UsageError(
            f"{size[0]}x{size[1]} does not suit {session.note.model}: its height and width "
            f"must be multiples of {multiple}."
        )
    return None


def _footprint(
    path: Path,
    device: str,
    session: DeviceSession,
    size: tuple[int, int],
    request: TimingRequest,
) -> int | Skipped:
    if device != HOST:
        return Skipped("measured on the host alone; a phone's is part of its latency")
    if not request.memory:
        return Skipped("not requested (--memory)")
    if not session.identity.is_device_runtime:
        return Skipped(
            f"{session.identity.name} checks values; its memory says nothing about a phone"
        )
    return footprint(path, size, request.threads)


def time_sustained(
    session: DeviceSession, size: tuple[int, int], request: TimingRequest, first: Latency | Skipped
) -> Sustained | Skipped:
    """Time a file in rounds until the requested seconds are over, to show thermal throttling.

    There are at least two rounds. Skipped if no seconds are requested, or if a round is Skipped.

    Args:
        session: file, open on a device.
        size: (height, width) of the input in pixels.
        request: seconds, and runs of each round; later rounds have no warm-up.
        first: latency of the first round, measured before.
    """
    if not request.sustained:
        return NOT_REQUESTED
    if isinstance(first, Skipped):
        return first
    start, rounds = time.monotonic(), [first]
    while len(rounds) < 2 or time.monotonic() - start < request.sustained:
        latest = session.latency(size, request.runs, warm_up=0)
        if isinstance(latest, Skipped):
            return latest
        rounds.append(latest)
    medians = tuple(latency.median_ms for latency in rounds)
    passed = time.monotonic() - start
    return Sustained(passed, medians, medians[-1] / medians[0], rounds[-1].conditions)
