"""A few patches of the calibration images, kept while the images stream by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.layout import to_nchw

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 96
MOST = 24
SEED = 0


class PatchKeeper:
    """Passes images through and keeps the centre patch of at most MOST of them.

    Which ones are kept is drawn by reservoir sampling with a fixed seed, so every image has the
    same chance however many there are, and memory does not grow.
    """

    def __init__(self, multiple: int, size: tuple[int, int] | None = None) -> None:
        """Args: `multiple` of the sides of a patch; `size` where the network insists on one."""
        side = -(-SIDE // multiple) * multiple
        self._size = size or (side, side)
        self._kept: list[NDArray[np.uint8]] = []
        self._seen = 0
        self._generator = np.random.default_rng(SEED)

    def passing(self, images: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
        """Yield the images unchanged."""
        for pixels in images:
            self._consider(pixels)
            yield pixels

    def batch(self, peak: float) -> NDArray[np.float32]:
        """Return the kept patches as one network input (N, C, H, W)."""
        return np.concatenate([to_nchw(patch, peak) for patch in self._kept])

    def _consider(self, pixels: NDArray[np.uint8]) -> None:
        self._seen += 1
        if len(self._kept) < MOST:
            self._kept.append(self._patch(pixels))
            return
        place = int(self._generator.integers(self._seen))
        if place < MOST:
            self._kept[place] = self._patch(pixels)

    def _patch(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the centre of an image, mirrored out where the image is smaller."""
        height, width = self._size
        top, left = (max(pixels.shape[i] - self._size[i], 0) // 2 for i in (0, 1))
        patch = pixels[top : top + height, left : left + width]
        missing = [(0, self._size[i] - patch.shape[i]) for i in (0, 1)]
        return np.pad(patch, (*missing, (0, 0)), mode="symmetric")
