"""Timing one file on a device, or saying why that means nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_imgq.devices.protocol import WARM_UP
from edge_imgq.errors import UsageError
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from pathlib import Path

    from edge_imgq.devices.latency import Latency
    from edge_imgq.devices.protocol import Device, DeviceSession

DEFAULT_SIZE = (180, 320)
"""Height and width for files that take any and name none."""


@dataclass(frozen=True)
class Timing:
    """One file and its time.

    Attributes:
        file: its path, as the person gave it.
        device: where, by its name.
        latency: there.
    """

    file: str
    device: str
    latency: Latency | Skipped


def time_file(
    path: Path, device: Device, threads: int, runs: int, size: tuple[int, int] | None
) -> tuple[Timing, ...]:
    """Open a file on a device and time it; one that was written for several sizes, at each.

    Args:
        path: a file that edge-imgq wrote.
        device: where.
        threads: processor threads.
        runs: calls to count.
        size: height and width of the input; None for the file's own.

    Raises:
        ModelError: the file cannot be opened.
        UnsupportedOperatorError: the device refuses operators of it.
        UsageError: the network does not take images of that size.
        DeviceError: the device went away.
    """
    if refusal := device.refusal(path):
        return (Timing(str(path), device.name, Skipped(refusal)),)
    session = device.open(path, threads)
    try:
        wanted = (size,) if size else session.sizes or (DEFAULT_SIZE,)
        return tuple(
            Timing(str(path), device.name, _latency(session, runs, size)) for size in wanted
        )
    finally:
        session.close()


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
