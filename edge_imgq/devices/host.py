"""This host: its installed runtimes, timed by the wall clock."""

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
    """This machine; implements `edge_imgq.devices.protocol.Device`."""

    name = HOST

    def refusal(self, path: Path) -> str:
        """Return why a file has no runtime; "" if its suffix is that of a format.

        A clause to follow the path. The file is not opened, and the runtime may not be installed.
        """
        return unknown(path) if format_of(path) is None else ""

    def open(self, path: Path, threads: int) -> DeviceSession:
        """Open a file in the runtime of its format; the time that it takes is kept for `latency`.

        Args:
            path: file that edge-imgq wrote.
            threads: CPU threads.

        Raises:
            ModelError: the file is damaged, or carries no note of edge-imgq.
            UsageError: no format has its suffix.
            RuntimeUnavailableError: the runtime is not installed.
        """
        return HostSession.of(path, threads)


class HostSession(Uncounted):
    """One file in a runtime of this host; implements `DeviceSession`."""

    def __init__(self, session: Session, path: Path, init_ms: float) -> None:
        self._opened: Session | None = session
        self._path, self._init_ms = path, init_ms
        self.identity, self.note, self.size = session.identity, session.note, session.size
        self.sizes: tuple[tuple[int, int], ...] = session.sizes

    @classmethod
    def of(cls, path: Path, threads: int) -> HostSession:
        """Open a file in its format's runtime on `threads` CPU threads, and time that.

        Raises:
            ModelError: the file is damaged, or no runtime opens it.
            UsageError: no format has its suffix.
            RuntimeUnavailableError: the runtime is not installed.
        """
        start = time.perf_counter()
        session = open_session(path, threads)
        return cls(session, path, (time.perf_counter() - start) * 1e3)

    @property
    def _session(self) -> Session:
        """The session, reopened if it was released."""
        if self._opened is None:
            self._opened = open_session(self._path, self.identity.threads)
        return self._opened

    @property
    def is_bit_exact(self) -> bool:
        """True unless the runtime emulates an NPU with other arithmetic."""
        return self.identity.is_device_runtime

    def release(self) -> None:
        """Free the runtime and its memory; the next use of the session opens the file again."""
        self._opened = None

    @cached_property
    def resizable(self) -> bool:
        """True if the file runs at other input sizes than its own."""
        return self._session.resizable

    def run(self, pixels: NDArray[uint8]) -> NDArray[uint8]:
        """Run the file on an image; return its output, uint8 (H × scale, W × scale, C).

        Float outputs are rounded half to even and clipped.

        Args:
            pixels: uint8 (H, W, C), all inputs along the channels.

        Raises:
            ImageError, ModelError: the file does not take the image's size or channels; which,
                depends on the runtime.
            NonFiniteOutputError: the output contains NaN or infinity.
        """
        return self._session.run(pixels)

    def exact(self, pixels: NDArray[uint8 | float64]) -> NDArray[float64]:
        """Run the file on levels 0 to 255, (H, W, C); return levels, float64 (H', W', C').

        A file with float pixels gets and returns them unrounded and unclipped. Otherwise input and
        output are rounded half to even to whole levels.

        Raises:
            ImageError, ModelError: the file does not take the image's size or channels; which,
                depends on the runtime.
            NonFiniteOutputError: the output contains NaN or infinity.
        """
        from edge_imgq.images.layout import pixels_of

        session = self._session
        if isinstance(session, FloatSession):
            return session.levels(pixels)
        return session.run(pixels_of(pixels)).astype("float64")

    def prepare(self, size: tuple[int, int]) -> Callable[[], None]:
        """Return a function that runs the file once on fixed pixels, for timing.

        Whether the call converts the pixels depends on the runtime; the result is discarded.

        Args:
            size: (height, width) of the input in pixels.

        Raises:
            ImageError, ModelError: the file does not take the size; which of them, and whether here
                or when the function runs, depends on the runtime.
        """
        return self._session.prepare(size)

    def latency(
        self,
        size: tuple[int, int],
        runs: int = RUNS,
        warm_up: int = WARM_UP,
        seconds: float = math.inf,
    ) -> Latency | Skipped:
        """Time calls by the wall clock, in ms; a `Skipped` for evaluators, whose time says nothing.

        Args:
            size: height and width of the input in pixels.
            runs: calls to count; fewer for a slow file, and more if calls were disturbed.
            warm_up: smallest number of uncounted calls before.
            seconds: time limit of all calls, in s.
        """
        if absent := self._no_time():
            return absent
        return measure(self._session, size, runs, warm_up, self._init_ms, seconds)

    def stopwatch(self, size: tuple[int, int]) -> Stopwatch | Skipped:
        """Return a stopwatch that times the file in alternation with others (`time_in_turns`).

        A `Skipped` for evaluators, whose time says nothing.

        Args:
            size: height and width of the input in pixels.
        """
        return self._no_time() or Stopwatch(self._session, size, self._init_ms)

    def placement(self) -> Placement | Skipped:
        """Return which operators the runtime's delegate runs; a `Skipped` if it has none.

        Nothing is run.
        """
        row = format_of(self._path)
        placement_of: Callable[[Path], Placement] | None = None
        if row is not None:
            placement_of = row.functions.placement
        if placement_of is None:
            return Skipped(f"{self.identity.name} runs every operator on the processor")
        return placement_of(self._path)

    def close(self) -> None:
        """Free the runtime and its memory, as `release` does."""
        self.release()

    def _no_time(self) -> Skipped | None:
        if self.identity.is_device_runtime:
            return None
        return Skipped(f"{self.identity.name} checks values; its time says nothing about a phone")


def footprint(path: Path, size: tuple[int, int], threads: int) -> int | Skipped:
    """Measure the memory that a file needs in its runtime, in bytes: weights, arena and images.

    A separate process opens it and runs it once; the result is the peak growth of its resident
    memory. Only Linux reports that peak; elsewhere the result is a `Skipped`.

    Args:
        path: exported file.
        size: height and width of the input in pixels.
        threads: CPU threads.

    Raises:
        DeviceError: the process ended, for example out of memory.
    """
    if not Path("/proc/self/clear_refs").exists():
        return Skipped("only Linux reports a process's peak memory")
    worker = Worker("the measured process", [sys.executable, "-m", WORKER])
    try:
        question = {"do": "footprint", "path": str(path.absolute()), "size": size}
        answer, _ = worker.ask({**question, "threads": threads})
    finally:
        worker.close()
    return int(answer["bytes"])


def find(argument: str, options: DeviceOptions) -> Device | Skipped:  # noqa: ARG001
    """Return this host as a device; a `Skipped` if there is an argument ("host:…").

    It is always available; `options` is unused.
    """
    if argument:
        return Skipped(f"there is only one host: write host, not host:{argument}")
    return HostDevice()


def look() -> tuple[Presence, ...]:
    """Return one row: this host, which is always available, with its processor and system."""
    return (Presence("host", True, host_name().removeprefix("host: ")),)
