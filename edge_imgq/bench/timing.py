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
) -> Timing:
    """Open a file on a device and time it.

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
        return Timing(str(path), device.name, Skipped(refusal))
    session = device.open(path, threads)
    try:
        return Timing(str(path), device.name, _latency(session, runs, size))
    finally:
        session.close()


def _latency(session: DeviceSession, runs: int, size: tuple[int, int] | None) -> Latency | Skipped:
    own = session.size
    chosen = size or own or DEFAULT_SIZE
    if own is not None and chosen != own and not session.resizable:
        return Skipped(f"the file takes {own[0]}x{own[1]} alone")
    multiple = session.note.contract.multiple
    if chosen[0] % multiple or chosen[1] % multiple:
        raise UsageError(
            f"{chosen[0]}x{chosen[1]} does not suit {session.note.model}: its height and width "
            f"must be multiples of {multiple}."
        )
    return session.latency(chosen, runs, WARM_UP)
