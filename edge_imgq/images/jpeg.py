"""JPEG compression artefacts."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class JpegCompression:
    """Compress as JPEG and decompress, at a quality drawn uniformly from a range.

    Quality is that of the Independent JPEG Group, as in Pillow and MATLAB. One channel is
    compressed as a gray image, three as RGB with Pillow's chroma subsampling.

    Attributes:
        quality: lowest and highest quality, both inclusive.
    """

    quality: tuple[int, int] = (10, 60)

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return an image of the same shape, with blocks on the 8x8 grid of the first pixel."""
        return compress_jpeg(pixels, int(rng.integers(self.quality[0], self.quality[1] + 1)))


def compress_jpeg(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Compress uint8 (H, W, 1 or 3) as JPEG and decode it again; same shape and dtype.

    `quality` is that of the Independent JPEG Group, 1..100. One channel is gray; three are RGB,
    with Pillow's default chroma subsampling, 4:2:0.
    """
    from PIL import Image

    channels = pixels.shape[2]
    image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    decoded = np.asarray(Image.open(file))
    return decoded[..., None] if channels == 1 else decoded
