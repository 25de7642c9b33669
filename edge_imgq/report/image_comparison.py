"""An image as the float model and a file made it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ImageComparison:
    """One image as the float model and a file made it.

    Attributes:
        name: of the image.
        psnr: of the file's image against the float model's, dB.
        float_image: 8-bit (H, W, C).
        file_image: the same.
        top, left: where the two begin in the whole image.
    """

    name: str
    psnr: float
    float_image: NDArray[np.uint8]
    file_image: NDArray[np.uint8]
    top: int = 0
    left: int = 0

    def cropped(self) -> ImageComparison:
        """Return the place where the images differ most."""
        from edge_imgq.images.contact_sheet import busiest_place

        place = busiest_place(self.float_image, self.file_image)
        one, other = (image[place].copy() for image in (self.float_image, self.file_image))
        top, left = (self.top + place[0].start, self.left + place[1].start)
        return ImageComparison(self.name, self.psnr, one, other, top, left)
