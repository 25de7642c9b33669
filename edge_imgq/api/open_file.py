"""`edge_imgq.open_file`: a written file, run by the runtime that it is for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.api.arguments import AnyPath, Size
from edge_imgq.errors import ImageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_imgq.contract import ImageContract
    from edge_imgq.runtime.protocol import Session


@dataclass(frozen=True)
class OpenedFile:
    """One file, open in its runtime. It can stand wherever a path can.

    Attributes:
        path: of the file.
        session: what runs it.
    """

    path: Path
    session: Session = field(repr=False)

    def __fspath__(self) -> str:
        """Return the path as text."""
        return str(self.path)

    @property
    def contract(self) -> ImageContract:
        """Task, scale, colour, and the multiple that its sides must have."""
        return self.session.note.contract

    @property
    def target(self) -> str:
        """Name of the recipe that it was made by."""
        return self.session.note.target

    @property
    def sizes(self) -> tuple[Size, ...]:
        """Heights and widths that it takes alone; none where it takes any."""
        return () if self.session.resizable else self.session.sizes

    @property
    def runtime(self) -> str:
        """What runs it, with the version."""
        return str(self.session.identity)

    def run(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the image that the file makes of an image.

        Args:
            pixels: uint8 (H, W, C), C as the contract's: 3 for "rgb", 1 for "y".

        Returns:
            uint8 (H × scale, W × scale, C).

        Raises:
            ImageError: it is no such image, or of a size that the file does not take.
            NonFiniteOutputError: the file returned NaN or infinity.
        """
        from edge_imgq.images.files import as_image
        from edge_imgq.images.port_results import first_result

        image = as_image(pixels, "the image")
        self._refuse_channels(image.shape[2])
        return first_result(self.session.run(image), self.contract)

    def run_float(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the image that the file makes of an image, both float, black 0 and white 1.

        Args:
            image: float (H, W, C). A file whose input is 8-bit gets it rounded to 255ths.

        Returns:
            float32 (H × scale, W × scale, C), neither rounded nor clipped where the file's output
            is float; of a file that returns 8-bit pixels, these in 255ths.

        Raises:
            ImageError: it is no such image, or of a size that the file does not take.
            NonFiniteOutputError: the file returned NaN or infinity.
        """
        import numpy as np

        from edge_imgq.images.layout import pixels_of
        from edge_imgq.images.port_results import first_result
        from edge_imgq.runtime.protocol import FloatSession

        self._refuse_other_floats(image)
        levels = np.asarray(image, np.float64) * 255.0
        if isinstance(self.session, FloatSession):
            result = self.session.levels(levels)
        else:
            result = self.session.run(pixels_of(levels)).astype(np.float64)
        return (first_result(result, self.contract) / 255.0).astype(np.float32)

    def _refuse_other_floats(self, image: NDArray[np.float32]) -> None:
        import numpy as np

        if image.ndim != 3 or not np.issubdtype(image.dtype, np.floating):
            raise ImageError(
                f"The image is {image.dtype} of shape {image.shape}; `run_float` takes floats "
                "(height, width, channels), black 0 and white 1, and `run` takes uint8."
            )
        self._refuse_channels(image.shape[2])

    def _refuse_channels(self, channels: int) -> None:
        wanted = self.contract.channels
        if channels != wanted:
            luma = "; it works on brightness alone: `enhance` takes photographs in colour"
            raise ImageError(
                f"{self.path} takes images of {wanted} channels, and this one has {channels}"
                f"{luma if wanted == 1 else ''}."
            )


def open_file(path: AnyPath, *, threads: int = 1) -> OpenedFile:
    """Open a file that `export` wrote in the runtime that runs it on this machine.

    Args:
        path: of the file; off macOS a reference evaluator runs an .mlpackage.
        threads: processor threads.

    Raises:
        UsageError: there is no such file.
        ModelError: it is damaged, or edge-imgq did not write it.
        RuntimeUnavailableError: what runs it is not installed here.
    """
    from edge_imgq.pipeline.exported_files import refuse_missing
    from edge_imgq.runtime.open import open_session

    place = Path(path)
    refuse_missing(place)
    return OpenedFile(place, open_session(place, threads))
