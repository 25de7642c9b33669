"""One output image of the float model beside that of a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ImageComparison:
    """One output image of the float model beside that of a file, whole or cropped.

    Attributes:
        name: Name of the input image.
        psnr: PSNR of the whole file image against the float model's, in dB.
        float_image: Output of the float model, uint8 (H, W, C).
        file_image: Output of the file, same shape.
        top: Row of the crop's first row in the whole output image.
        left: Column of the crop's first column in the whole output image.
    """

    name: str
    psnr: float
    float_image: NDArray[np.uint8]
    file_image: NDArray[np.uint8]
    top: int = 0
    left: int = 0

    def cropped(self) -> ImageComparison:
        """Return a copy cropped to the square where the images differ most.

        Its side is 96 pixels, or the image's where that is smaller; `top` and `left` are those in
        the whole image, and `psnr` stays that of the whole image.
        """
        from edge_imgq.images.contact_sheet import largest_error_region

        region = largest_error_region(self.float_image, self.file_image)
        one, other = (image[region].copy() for image in (self.float_image, self.file_image))
        top, left = (self.top + region[0].start, self.left + region[1].start)
        return ImageComparison(self.name, self.psnr, one, other, top, left)
