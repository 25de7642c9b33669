"""What a runtime does: open one file, run it on one image, say where it ran.

A session knows nothing of drift. It takes 8-bit pixels and returns 8-bit pixels, whatever the
file's own types are, so that every format is compared in the same terms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from numpy import float64, uint8
    from numpy.typing import NDArray

    from edge_imgq.contract import FileNote


@dataclass(frozen=True)
class RuntimeIdentity:
    """Where a file ran.

    Attributes:
        name: the runtime, e.g. "LiteRT", "ONNX Runtime", "reference evaluator".
        version: the runtime's version.
        delegate: what executed the operators, e.g. "XNNPACK"; empty when there is only one way.
        threads: processor threads that it was allowed.
        is_device_runtime: False for an evaluator that only stands in for the real runtime; its
            times mean nothing.
    """

    name: str
    version: str
    delegate: str
    threads: int
    is_device_runtime: bool = True

    def __str__(self) -> str:
        """Return the one-line form that reports print."""
        delegate = f" ({self.delegate})" if self.delegate else ""
        return f"{self.name} {self.version}{delegate}"


@dataclass(frozen=True)
class Placement:
    """Who runs the operators of a file.

    Attributes:
        unit: what takes operators off the general code, e.g. "XNNPACK".
        operators: how many the file has.
        delegated: how many of them the unit takes.
        partitions: in how many pieces it takes them; each border costs a copy.
        fallback: the others in the file's order, by the format's name, and the node's where the
            format has one.
    """

    unit: str
    operators: int
    delegated: int
    partitions: int
    fallback: tuple[str, ...]


class Session(Protocol):
    """One file, reopened from disk by the runtime that runs it."""

    @property
    def identity(self) -> RuntimeIdentity:
        """Where the file runs."""
        ...

    @property
    def note(self) -> FileNote:
        """What the file says about itself."""
        ...

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width that the file was written for; None when it takes any."""
        ...

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Every height and width that the file was written for, `size` first; none for any."""
        ...

    @property
    def resizable(self) -> bool:
        """Whether the file runs at other heights and widths than its own, and rightly."""
        ...

    def run(self, pixels: NDArray[uint8]) -> NDArray[uint8]:
        """Return the output image of an input image.

        Args:
            pixels: uint8, (height, width, channels).

        Returns:
            uint8, (height × scale, width × scale, channels). Float outputs are rounded half to
            even and clipped to 0..255.

        Raises:
            NonFiniteOutputError: the file returned NaN or infinity.
        """
        ...

    def prepare(self, size: tuple[int, int]) -> Callable[[], None]:
        """Return a call that runs the file once on pixels already in place, for timing.

        Args:
            size: height and width of the input.
        """
        ...


@runtime_checkable
class FloatSession(Session, Protocol):
    """A session whose output can be seen before it becomes pixels."""

    def levels(self, pixels: NDArray[uint8 | float64]) -> NDArray[float64]:
        """Return the output of an image as levels (H, W, C), neither rounded nor clipped.

        Args:
            pixels: (H, W, C), uint8, or float between the levels.
        """
        ...
