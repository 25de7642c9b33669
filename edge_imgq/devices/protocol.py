"""What a device does: open a file there, run it on pixels, say where its operators run.

A device knows nothing of drift: it returns pixels, and times where a time means something.
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
    """One file, opened on a device. `size` is what the device runs it at."""

    @property
    def is_bit_exact(self) -> bool:
        """Whether the values must be those that this host computes from the same file, all of them.

        True where integer kernels run that round as the host's do; never of float files.
        """
        ...

    def latency(
        self, size: tuple[int, int], runs: int = RUNS, warm_up: int = WARM_UP
    ) -> Latency | Skipped:
        """Time the file, or say why a time would mean nothing.

        Args:
            size: height and width of the input.
            runs: calls to count at most.
            warm_up: calls before that.

        Raises:
            DeviceError: the device went away, or the file did not run there.
        """
        ...

    def instructions(self, size: tuple[int, int]) -> Instructions | Skipped:
        """Return how many instructions one call takes, or why that is not known.

        Raises:
            DeviceError: the device went away.
        """
        ...

    def operators(self, size: tuple[int, int]) -> OperatorCosts | Skipped:
        """Return what each operator of one call takes, or why that is not known.

        Raises:
            DeviceError: the file did not run there.
        """
        ...

    def placement(self) -> Placement | Skipped:
        """Return which operators the device's unit takes, or why that is not known."""
        ...

    def close(self) -> None:
        """Let go of the device; what was put there is removed."""
        ...


class Device(Protocol):
    """A machine, or a part of one, that runs files."""

    @property
    def name(self) -> str:
        """What a person calls it on the command line, e.g. "hexagon:sm8750"."""
        ...

    def refusal(self, path: Path) -> str:
        """Return why a file is of a kind that the device does not run; empty if it may run."""
        ...

    def open(self, path: Path, threads: int) -> DeviceSession:
        """Open a file there.

        Args:
            path: a file that edge-imgq wrote.
            threads: processor threads, where the device's runtime has them.

        Raises:
            ModelError: the file is not whole.
            UnsupportedOperatorError: the device refuses operators; all are named.
            DeviceError: the device went away, or has no room.
        """
        ...


@dataclass(frozen=True)
class Presence:
    """Whether a device is there.

    Attributes:
        name: of the device, or of the kind where there is none.
        there: whether files can run on it.
        detail: what was found, or why it is not there.
        advice: what to do; empty where there is nothing to do.
    """

    name: str
    there: bool
    detail: str
    advice: str = ""

    @property
    def reason(self) -> str:
        """Why it is not there, and what to do."""
        return f"{self.detail}. {self.advice}".strip() if self.advice else self.detail
