"""Base class of sessions that return unrounded levels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from edge_imgq.errors import ImageError
from edge_imgq.images.layout import pixels_of

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from edge_imgq.contract import FileNote


class LevelsSession(ABC):
    """A session of a fixed or open size; see `edge_imgq.runtime.protocol.FloatSession`.

    Attributes:
        note: embedded metadata.
        size: fixed (height, width), None if open.
    """

    note: FileNote
    size: tuple[int, int] | None

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """The fixed (height, width) in pixels as the only entry; () if the file takes any."""
        return () if self.size is None else (self.size,)

    @property
    def resizable(self) -> bool:
        """True if the file takes any height and width; False if it has one size."""
        return self.size is None

    def refuse_other_size(self, path: Path, size: tuple[int, int]) -> None:
        """Refuse an image of another size than that of a file of one size.

        A file that takes other sizes refuses none.

        Args:
            path: the file, for the message.
            size: (height, width) of the image in pixels.

        Raises:
            ImageError: the sizes differ.
        """
        if self.size is None or self.resizable or size == self.size:
            return
        own, other = (f"{height}x{width}" for height, width in (self.size, size))
        raise ImageError(
            f"{path} runs at {own} only, and the image is {other}. Export the model with "
            f"--size {other}."
        )

    @abstractmethod
    def levels(self, pixels: NDArray[np.uint8 | np.float64]) -> NDArray[np.float64]:
        """Run the file; return levels (H × scale, W × scale, C), float64, not rounded or clipped.

        0 is black and 255 white. Several outputs are concatenated along C.

        Args:
            pixels: (H, W, C), uint8, or float64 levels of 0 … 255; several inputs are
                concatenated along C.

        Raises:
            NonFiniteOutputError: the output contains NaN or infinity.
            ImageError, ModelError: the file does not take the image's size; which, depends on the
                runtime.
        """

    def prepare(self, size: tuple[int, int]) -> Callable[[], None]:
        """Return a callable that runs the file once on a gray image, all pixels 128, for timing.

        Converting the pixels is part of the call, which raises what `levels` raises.

        Args:
            size: (height, width) of the image in pixels; it is checked when the callable runs.
        """
        import numpy as np

        gray = np.full((*size, self.note.contract.channels), 128, np.uint8)

        def call() -> None:
            self.levels(gray)

        return call

    def run(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Run the file on an image and return its output, both uint8 (H, W, C).

        The output is (H × scale, W × scale, C): levels, rounded half to even and clipped to 0 …
        255.

        Raises:
            NonFiniteOutputError: the output contains NaN or infinity.
            ImageError, ModelError: the file does not take the image's size; which, depends on the
                runtime.
        """
        return pixels_of(self.levels(pixels))
