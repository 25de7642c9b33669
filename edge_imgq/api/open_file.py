"""`edge_imgq.open_file`: run an exported file in the runtime of its format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from edge_imgq.api.arguments import NOTHING_SET, AnyPath, Settings, Size, as_settings
from edge_imgq.errors import ImageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_imgq.contract import ImageContract
    from edge_imgq.runtime.protocol import Session


@dataclass(frozen=True)
class OpenedFile:
    """A file opened in its runtime. It is path-like.

    Attributes:
        path: path of the file.
        session: session of the runtime.
    """

    path: Path
    session: Session = field(repr=False)

    def __fspath__(self) -> str:
        """Return the path as a string."""
        return str(self.path)

    @property
    def contract(self) -> ImageContract:
        """Task, scale, colour and other properties of the image that it takes and returns."""
        return self.session.note.contract

    @property
    def target(self) -> str:
        """Name of the recipe that it was made by."""
        return self.session.note.target

    @property
    def sizes(self) -> tuple[Size, ...]:
        """Input sizes (height, width) in pixels that it accepts; empty if it accepts any."""
        return () if self.session.resizable else self.session.sizes

    @property
    def runtime(self) -> str:
        """Name and version of the runtime."""
        return str(self.session.identity)

    def run(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Run the file on an 8-bit image and return the 8-bit result.

        Args:
            pixels: uint8 (H, W, C), with `contract.channels` channels: 3 for "rgb", 1 for "y".

        Returns:
            uint8 (H × scale, W × scale, C); the main output if the file has several. Float outputs
            are rounded half to even and clipped.

        Raises:
            ImageError: the array has another type or channel count, or a size the file does not
                take.
            NonFiniteOutputError: the file returned NaN or infinity.
        """
        from edge_imgq.images.files import as_image
        from edge_imgq.images.port_results import first_result

        image = as_image(pixels, "the image")
        self._refuse_channels(image.shape[2])
        return first_result(self.session.run(image), self.contract)

    def run_float(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the file on a float image in which black is 0 and white is 1.

        Args:
            image: float (H, W, C). For a file with 8-bit input it is rounded to multiples of 1/255.

        Returns:
            float32 (H × scale, W × scale, C). It is neither rounded nor clipped if the file's
            output is float; else it holds multiples of 1/255.

        Raises:
            ImageError: the array has another type or channel count, or a size the file does not
                take.
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

    def run_all(
        self,
        photo: NDArray[np.uint8],
        *,
        settings: Settings = NOTHING_SET,
        states: Mapping[str, NDArray[Any]] = MappingProxyType({}),
    ) -> dict[str, NDArray[Any]]:
        """Run the file on a photograph and return every output by its name, the main one first.

        Args:
            photo: uint8 (H, W, 3), or (H, W, 1) for "y"; mosaics and frames are made of it. Or all
                channels of the image input, such as the 4 planes of a mosaic.
            settings: values of further inputs, as for `enhance`.
            states: what the frame before returned, by the name of the input that takes it; without,
                a state is zero.

        Returns:
            uint8 (H, W, C) for pictures, the main one under "image" if the model's name for it is
            not known. Numbers in the model's own unit for others, float64: (N,) for vectors,
            (h, w, C) for planes and states. A file with 8-bit input takes all numbers in 255 steps
            of their range.

        Raises:
            UsageError: an input has no value, one outside its range, or does not exist.
            ImageError: the photograph has another type or channel count, or a size the file does
                not take, or a picture of `settings` cannot be read.
            NonFiniteOutputError: the file returned NaN or infinity.
        """
        import numpy as np

        from edge_imgq.pipeline.enhance.run_outputs import run_outputs

        plain = 1 if self.contract.colour == "y" else 3
        takes = sorted({plain, self.contract.image_channels})
        pixels = photo[..., np.newaxis] if photo.ndim == 2 else photo
        if pixels.ndim != 3 or pixels.dtype != np.uint8 or pixels.shape[2] not in takes:
            raise ImageError(
                f"The photograph is {photo.dtype} of shape {photo.shape}; this file takes uint8 "
                f"(height, width, {' or '.join(map(str, takes))})."
            )
        return run_outputs(self.session, pixels, as_settings(settings), states)

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
    """Open a file written by `export` in its runtime on this machine.

    Args:
        path: path of the file. An .mlpackage is run by a reference evaluator off macOS.
        threads: processor threads.

    Returns:
        The file, whose `run` takes and returns 8-bit images.

    Raises:
        UsageError: the file does not exist.
        ModelError: it is damaged, or was not written by edge-imgq.
        RuntimeUnavailableError: its runtime is not installed here.
    """
    from edge_imgq.pipeline.exported_files import refuse_missing
    from edge_imgq.runtime.open import open_session

    file = Path(path)
    refuse_missing(file)
    return OpenedFile(file, open_session(file, threads))
