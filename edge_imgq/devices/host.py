"""This host: the runtimes that are installed here, timed by the wall clock."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.devices.instructions import Uncounted
from edge_imgq.devices.options import DeviceOptions
from edge_imgq.devices.protocol import RUNS, WARM_UP, Device, DeviceSession, Presence
from edge_imgq.devices.stopwatch import Stopwatch, host_name, measure
from edge_imgq.formats import format_of, unknown
from edge_imgq.runtime.open import open_session
from edge_imgq.runtime.protocol import FloatSession
from edge_imgq.runtime.worker import Worker
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from numpy import float64, uint8
    from numpy.typing import NDArray

    from edge_imgq.devices.latency import Latency
    from edge_imgq.runtime.protocol import Placement, Session

HOST = "host"
WORKER = "edge_imgq.devices.session_worker"


class HostDevice:
    """This machine; satisfies `edge_imgq.devices.protocol.Device`."""

    name = HOST

    def refusal(self, path: Path) -> str:
        """Return why no runtime here opens a file."""
        return unknown(path) if format_of(path) is None else ""

    def open(self, path: Path, threads: int) -> DeviceSession:
        """Open a file by the runtime of its format."""
        return HostSession.of(path, threads)


class HostSession(Uncounted):
    """One file in a runtime of this host; satisfies `edge_imgq.devices.protocol.DeviceSession`."""

    def __init__(self, session: Session, path: Path, init_ms: float) -> None:
        self._opened: Session | None = session
        self._path, self._init_ms = path, init_ms
        self.identity, self.note, self.size = session.identity, session.note, session.size
        self.sizes: tuple[tuple[int, int], ...] = session.sizes

    @classmethod
    def of(cls, path: Path, threads: int) -> HostSession:
        """Open a file by the runtime of its format, and time that.

        Raises:
            ModelError: the file is not whole, or no runtime opens it.
        """
        start = time.perf_counter()
        session = open_session(path, threads)
        return cls(session, path, (time.perf_counter() - start) * 1e3)

    @property
    def _session(self) -> Session:
        """The session; it is opened again where it was let go."""
        if self._opened is None:
            self._opened = open_session(self._path, self.identity.threads)
        return self._opened

    @property
    def is_bit_exact(self) -> bool:
        """Whether integers must be this host's own: an emulated NPU has arithmetic of its own."""
        return self.identity.is_device_runtime

    def release(self) -> None:
        """Let go of the runtime and what it holds, until the file is run again."""
        self._opened = None

    @cached_property
    def resizable(self) -> bool:
        """Whether the file runs at other sizes than its own."""
        return self._session.resizable

    def run(self, pixels: NDArray[uint8]) -> NDArray[uint8]:
        """Return the output image; see `edge_imgq.runtime.protocol.Session`."""
        return self._session.run(pixels)

    def exact(self, pixels: NDArray[uint8 | float64]) -> NDArray[float64]:
        """Return the output as levels (H, W, C), not rounded where the runtime shows them so.

        Levels between pixels are rounded where the runtime takes pixels alone.
        """
        from edge_imgq.images.layout import pixels_of

        session = self._session
        if isinstance(session, FloatSession):
            return session.levels(pixels)
        return session.run(pixels_of(pixels)).astype("float64")

    def prepare(self, size: tuple[int, int]) -> Callable[[], None]:
        """Return a call that runs the file once; see `edge_imgq.runtime.protocol.Session`."""
        return self._session.prepare(size)

    def latency(
        self,
        size: tuple[int, int],
        runs: int = RUNS,
        warm_up: int = WARM_UP,
        seconds: float = math.inf,
    ) -> Latency | Skipped:
        """Time calls by the wall clock, for so many seconds at most; an evaluator's are skipped."""
        if absent := self._no_time():
            return absent
        return measure(self._session, size, runs, warm_up, self._init_ms, seconds)

    def stopwatch(self, size: tuple[int, int]) -> Stopwatch | Skipped:
        """Return what times the file in turn with others, or why its time would mean nothing.

        Args:
            size: height and width of the input.
        """
        return self._no_time() or Stopwatch(self._session, size, self._init_ms)

    def placement(self) -> Placement | Skipped:
        """Return what the unit of the runtime takes, where there is more than the processor."""
        form = format_of(self._path)
        place: Callable[[Path], Placement] | None = None
        if form is not None:
            place = form.functions.placement
        if place is None:
            return Skipped(f"{self.identity.name} runs every operator on the processor")
        return place(self._path)

    def close(self) -> None:
        """Let go of the runtime; nothing else is held."""
        self.release()

    def _no_time(self) -> Skipped | None:
        if self.identity.is_device_runtime:
            return None
        return Skipped(f"{self.identity.name} checks values; its time says nothing about a phone")


def footprint(path: Path, size: tuple[int, int], threads: int) -> int | Skipped:
    """Return the memory that a file needs in its runtime, in bytes: packed weights, arena, images.

    A process of its own opens and runs it; what is counted is how far its resident memory grows at
    the peak.

    Args:
        path: the file.
        size: height and width of the input.
        threads: processor threads.

    Raises:
        DeviceError: the process ended, out of memory for example.
    """
    if not Path("/proc/self/clear_refs").exists():
        return Skipped("Linux alone tells the peak of a process's memory")
    worker = Worker("the measured process", [sys.executable, "-m", WORKER])
    try:
        question = {"do": "footprint", "path": str(path.absolute()), "size": size}
        answer, _ = worker.ask({**question, "threads": threads})
    finally:
        worker.close()
    return int(answer["bytes"])


def find(argument: str, options: DeviceOptions) -> Device | Skipped:  # noqa: ARG001
    """Return this host; it is always there."""
    if argument:
        return Skipped(f"there is one host, so 'host:{argument}' is none")
    return HostDevice()


def look() -> tuple[Presence, ...]:
    """Return this host."""
    return (Presence("host", True, host_name().removeprefix("host: ")),)
