"""What sessions share that tell an image's levels before they are rounded to pixels."""

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
    """A session of one size, or of any; see `edge_imgq.runtime.protocol.FloatSession`.

    Attributes:
        note: what the file says about itself.
        size: fixed height and width, None when open.
    """

    note: FileNote
    size: tuple[int, int] | None

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """The fixed height and width, none when open."""
        return () if self.size is None else (self.size,)

    @property
    def resizable(self) -> bool:
        """Whether height and width are open."""
        return self.size is None

    def refuse_other_size(self, path: Path, size: tuple[int, int]) -> None:
        """Refuse an image of another size than a file of a fixed one takes.

        Args:
            path: of the file, for the message.
            size: height and width of the image.

        Raises:
            ImageError: the file does not take them.
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
        """Return the output of an image as levels (H, W, C), neither rounded nor clipped.

        `edge_imgq.images.layout.levels_from_nchw` makes them, and refuses NaN and infinity.
        """

    def prepare(self, size: tuple[int, int]) -> Callable[[], None]:
        """Return a call that runs the file once on a gray image."""
        import numpy as np

        gray = np.full((*size, self.note.contract.channels), 128, np.uint8)

        def call() -> None:
            self.levels(gray)

        return call

    def run(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the output image of an input image, both 8-bit (H, W, C)."""
        return pixels_of(self.levels(pixels))
