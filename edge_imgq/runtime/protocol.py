"""Session protocol of all runtimes: load a file, run it on an image, report where it ran.

Sessions know nothing of drift. They take and return 8-bit pixels regardless of the file's types, so
all formats are compared alike.
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
    """Runtime that executed a file.

    Attributes:
        name: e.g. "LiteRT", "ONNX Runtime", "reference evaluator".
        version: version of the runtime.
        delegate: backend of the operators, e.g. "XNNPACK"; "" if there is only one.
        threads: number of CPU threads allowed.
        is_device_runtime: False for an evaluator that replaces the real runtime; its times are
            meaningless.
    """

    name: str
    version: str
    delegate: str
    threads: int
    is_device_runtime: bool = True

    def __str__(self) -> str:
        """Format as one line for reports."""
        delegate = f" ({self.delegate})" if self.delegate else ""
        return f"{self.name} {self.version}{delegate}"


@dataclass(frozen=True)
class Placement:
    """Distribution of a file's operators between an accelerator and general kernels.

    Attributes:
        unit: the accelerator, e.g. "XNNPACK".
        operators: number of operators in the file.
        delegated: number that the accelerator runs.
        partitions: number of delegated partitions; each boundary costs a copy.
        fallback: the other operators in file order, by the format's operator name, plus the node's
            name if the format has one.
    """

    unit: str
    operators: int
    delegated: int
    partitions: int
    fallback: tuple[str, ...]


class Session(Protocol):
    """One file, loaded from disk in its runtime."""

    @property
    def identity(self) -> RuntimeIdentity:
        """Runtime that executes the file, with version, backend and threads."""
        ...

    @property
    def note(self) -> FileNote:
        """Metadata embedded in the file: model, contract, target, digests."""
        ...

    @property
    def size(self) -> tuple[int, int] | None:
        """Exported (height, width) in pixels; None if the file takes any."""
        ...

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Every exported (height, width) in pixels, `size` first; empty if the file takes any."""
        ...

    @property
    def resizable(self) -> bool:
        """True if the file also runs correctly at other heights and widths."""
        ...

    def run(self, pixels: NDArray[uint8]) -> NDArray[uint8]:
        """Run the file on an image.

        Args:
            pixels: uint8 (height, width, channels); several inputs are concatenated by channel.

        Returns:
            uint8 (height × scale, width × scale, channels). Float outputs are rounded half to even
            and clipped to 0 … 255; several are concatenated by channel.

        Raises:
            NonFiniteOutputError: the output contains NaN or infinity.
            ImageError, ModelError: the file does not take the image's size; which, depends on the
                runtime.
        """
        ...

    def prepare(self, size: tuple[int, int]) -> Callable[[], None]:
        """Return a callable that runs the file once on a made-up image, for timing.

        Args:
            size: (height, width) of the image in pixels.

        Raises:
            ImageError, ModelError: the file does not take the size; which of them, and whether here
                or when the callable runs, depends on the runtime.
        """
        ...


@runtime_checkable
class FloatSession(Session, Protocol):
    """A session that can return its output before rounding to pixels."""

    def levels(self, pixels: NDArray[uint8 | float64]) -> NDArray[float64]:
        """Run the file; return levels (H × scale, W × scale, C), float64, not rounded or clipped.

        0 is black and 255 white; for other outputs than images, the ends of their range.

        Args:
            pixels: (H, W, C) levels, uint8, or float64 for fractional ones; several inputs are
                concatenated along C.

        Raises:
            NonFiniteOutputError: the output contains NaN or infinity.
            ImageError, ModelError: the file does not take the image's size; which, depends on the
                runtime.
        """
        ...
