"""Sample patches of the calibration images while they are streamed.

Most patches train the quantization steps. The rest are held out and decide whether a step is kept.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.layout import to_nchw

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 96
MAX_PIXELS = 2_400_000
"""Largest total number of pixels of the training patches."""

FEW_PIXELS = 8 * SIDE * SIDE
"""Number of pixels that a step processes in one batch."""

PER_IMAGE = 32
HELD_OUT_EVERY = 6
"""One patch in this many is held out."""

SEED = 0


@dataclass
class _Reservoir:
    """Reservoir sample of at most `capacity` items, each item kept with equal probability."""

    capacity: int
    kept: list[NDArray[np.uint8]] = field(default_factory=list)
    offered: int = 0

    def offer(self, patch: NDArray[np.uint8], generator: np.random.Generator) -> None:
        self.offered += 1
        if len(self.kept) < self.capacity:
            self.kept.append(patch.copy())
            return
        slot = int(generator.integers(self.offered))
        if slot < self.capacity:
            self.kept[slot] = patch.copy()


class PatchSampler:
    """Passes images through and keeps a random sample of their patches.

    It samples by reservoir with a fixed seed: every patch has the same probability of being kept,
    results are reproducible, and memory does not grow with the number of images.

    Attributes:
        size: height and width of a patch.
        is_free: whether the network also takes other patch sizes.
    """

    def __init__(self, multiple: int, size: tuple[int, int] | None = None) -> None:
        """Set the size of the patches, 96 × 96 rounded up to the multiple unless `size` is given.

        Args:
            multiple: number of pixels that the sides of a patch must be a multiple of.
            size: fixed input height and width of the network; None if it takes any.
        """
        side = -(-SIDE // multiple) * multiple
        self.size = size or (side, side)
        self.is_free = size is None
        area = self.size[0] * self.size[1]
        self._few = max(FEW_PIXELS // area, 1)
        self._learning = _Reservoir(max(MAX_PIXELS // area, 1))
        self._held_out = _Reservoir(self._few)
        self._offered = 0
        self._generator = np.random.default_rng(SEED)

    def sampling(
        self, images: Iterable[NDArray[np.uint8]], extremes: Container[int] = ()
    ) -> Iterator[NDArray[np.uint8]]:
        """Yield the images unchanged and sample their patches.

        Every sixth patch is held out, the others are for training. The sample is complete once all
        images have been yielded. An image smaller than a patch is extended by reflection that
        repeats the border.

        Args:
            images: uint8 (H, W, C).
            extremes: indices of images to sample no patch from.
        """
        for slot, pixels in enumerate(images):
            for patch in () if slot in extremes else self._patches(pixels):
                self._offered += 1
                chosen = self._held_out if self._offered % HELD_OUT_EVERY == 0 else self._learning
                chosen.offer(patch, self._generator)
            yield pixels

    def pixels(self) -> list[NDArray[np.uint8]]:
        """Return a few training patches, uint8 (H, W, C), evenly spaced in the sample.

        They have about 8 · 96 · 96 pixels in all; at least one, if there is any.
        """
        kept = self._learning.kept
        slots = np.linspace(0, len(kept) - 1, min(self._few, len(kept))).round().astype(int)
        return [kept[slot] for slot in slots]

    def batch(self, peak: float) -> NDArray[np.float32]:
        """Return the patches of `pixels` as one float32 network input (N, C, H, W).

        Values are 0 … `peak`.
        """
        return _batch(self.pixels(), peak)

    def all(self, peak: float) -> NDArray[np.float32]:
        """Return all training patches as one float32 network input (N, C, H, W).

        Values are 0 … `peak`.
        """
        return _batch(self._learning.kept, peak)

    def held_out(self, peak: float) -> NDArray[np.float32]:
        """Return the held-out patches as one network input, float32 (N, C, H, W), 0 … `peak`.

        One training patch if there are none.
        """
        return _batch(self._held_out.kept or self._learning.kept[:1], peak)

    def _patches(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """Cut an image into at most PER_IMAGE non-overlapping patches, in random order.

        An image smaller than a patch is extended by reflection that repeats the border.
        """
        height, width = self.size
        if min(pixels.shape[0] // height, pixels.shape[1] // width) < 1:
            return [_mirrored(pixels[:height, :width], self.size)]
        corners = [
            (top, left)
            for top in range(0, pixels.shape[0] - height + 1, height)
            for left in range(0, pixels.shape[1] - width + 1, width)
        ]
        drawn = self._generator.permutation(len(corners))[:PER_IMAGE]
        chosen = [corners[index] for index in drawn]
        return [pixels[top : top + height, left : left + width] for top, left in chosen]


def _mirrored(patch: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    missing = [(0, size[i] - patch.shape[i]) for i in (0, 1)]
    return np.pad(patch, (*missing, (0, 0)), mode="symmetric")


def _batch(patches: Sequence[NDArray[np.uint8]], peak: float) -> NDArray[np.float32]:
    return np.concatenate([to_nchw(patch, peak) for patch in patches])
