"""Timing one file on this host, or saying why that means nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_imgq.bench.latency import WARM_UP, Latency, measure
from edge_imgq.errors import UsageError
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from pathlib import Path

    from edge_imgq.runtime.protocol import Session

DEFAULT_SIZE = (180, 320)
"""Height and width for files that take any and name none."""


@dataclass(frozen=True)
class Timing:
    """One file and its time.

    Attributes:
        file: its path, as the person gave it.
        latency: on this host.
    """

    file: str
    latency: Latency | Skipped


def time_file(path: Path, threads: int, runs: int, size: tuple[int, int] | None) -> Timing:
    """Open a file and time it.

    Args:
        path: a file that edge-imgq wrote.
        threads: processor threads.
        runs: calls to count.
        size: height and width of the input; None for the file's own.

    Raises:
        ModelError: the file cannot be opened.
        UsageError: the network does not take images of that size.
    """
    from edge_imgq.runtime.open import open_session

    session = open_session(path, threads)
    return Timing(str(path), _latency(session, runs, size))


def _latency(session: Session, runs: int, size: tuple[int, int] | None) -> Latency | Skipped:
    identity = session.identity
    if not identity.is_device_runtime:
        return Skipped(f"the {identity.name} checks values; its time says nothing about a device")
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
    return measure(session, chosen, runs, WARM_UP)
