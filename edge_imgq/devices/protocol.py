"""Interface of devices: open a file, run it on pixels, report operator placement.

A device does not compute drift: it returns pixels, and times where a time is meaningful.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from edge_imgq.runtime.protocol import Session

if TYPE_CHECKING:
    from pathlib import Path

    from edge_imgq.devices.arm64.operator_costs import OperatorCosts
    from edge_imgq.devices.instructions import Instructions
    from edge_imgq.devices.latency import Latency
    from edge_imgq.runtime.protocol import Placement
    from edge_imgq.skipped import Skipped

WARM_UP = 5
RUNS = 30


class DeviceSession(Session, Protocol):
    """One file, opened on a device. `size` is the (height, width) at which the device runs it."""

    @property
    def is_bit_exact(self) -> bool:
        """True if all values must equal those that this host computes from the same file.

        That holds for integer kernels that round as the host's do, and never for float files.
        """
        ...

    def latency(
        self, size: tuple[int, int], runs: int = RUNS, warm_up: int = WARM_UP
    ) -> Latency | Skipped:
        """Time calls of the file, in ms, or return why a time would be meaningless.

        Args:
            size: height and width of the input in pixels.
            runs: calls to count; the device may make fewer or more.
            warm_up: uncounted calls before.

        Raises:
            DeviceError: the connection was lost, or the file did not run.
        """
        ...

    def instructions(self, size: tuple[int, int]) -> Instructions | Skipped:
        """Count the instructions of one call on one thread, exactly, or return why it cannot.

        `size` is the (height, width) of the input in pixels.

        Raises:
            DeviceError: the connection was lost.
        """
        ...

    def operators(self, size: tuple[int, int]) -> OperatorCosts | Skipped:
        """Return the cost of each operator of one call, or why it is unknown.

        `size` is the (height, width) of the input in pixels.

        Raises:
            DeviceError: the file did not run.
        """
        ...

    def placement(self) -> Placement | Skipped:
        """Return how many operators the accelerator runs and which it does not, or why unknown."""
        ...

    def close(self) -> None:
        """Release the device and remove files that were copied to it."""
        ...


class Device(Protocol):
    """A machine, or one of its processors, that runs files."""

    @property
    def name(self) -> str:
        """Name on the command line, e.g. "hexagon:sm8750"."""
        ...

    def refusal(self, path: Path) -> str:
        """Return why the device does not run a file, as a clause; "" if it does.

        Most devices look at its suffix, some at what the file says of itself.
        """
        ...

    def open(self, path: Path, threads: int) -> DeviceSession:
        """Open a file on the device; the caller closes the session.

        Args:
            path: file that edge-imgq wrote.
            threads: CPU threads, if the device's runtime supports them.

        Raises:
            ModelError: the file is damaged.
            UnsupportedOperatorError: the device refuses operators; the message names all of them.
            DeviceError: the connection was lost, or storage is full.
            RuntimeUnavailableError: a runtime that it needs is not installed.
        """
        ...


@dataclass(frozen=True)
class Presence:
    """Availability of a device.

    Attributes:
        name: name of the device, or of its kind if there is none.
        is_available: whether files can run on it.
        detail: what was detected, or why it is unavailable.
        advice: how to make it available; empty if nothing is needed.
    """

    name: str
    is_available: bool
    detail: str
    advice: str = ""

    @property
    def reason(self) -> str:
        """Why it is unavailable, with the advice, as sentences without the last full stop."""
        return f"{self.detail}. {self.advice}".strip() if self.advice else self.detail
