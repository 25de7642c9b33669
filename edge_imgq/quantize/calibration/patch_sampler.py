"""Patches of the calibration images, kept while the images stream by.

Most are for the steps that learn from them, some are held out: whether a step is kept is judged on
those alone.
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
MOST_PIXELS = 2_400_000
"""Pixels of all patches to learn from together."""

FEW_PIXELS = 8 * SIDE * SIDE
"""Pixels of a batch that a step computes at once."""

PER_IMAGE = 32
HELD_OUT_EVERY = 6
"""Of the patches of all images, each sixth is held out."""

SEED = 0


@dataclass
class _Reservoir:
    """At most `most` items of a stream, each kept with the same chance however long it is."""

    most: int
    kept: list[NDArray[np.uint8]] = field(default_factory=list)
    seen: int = 0

    def offer(self, patch: NDArray[np.uint8], generator: np.random.Generator) -> None:
        self.seen += 1
        if len(self.kept) < self.most:
            self.kept.append(patch.copy())
            return
        place = int(generator.integers(self.seen))
        if place < self.most:
            self.kept[place] = patch.copy()


class PatchSampler:
    """Passes images through and keeps patches of them.

    Which ones are kept is drawn by reservoir sampling with a fixed seed, so every patch has the
    same chance however many images there are, and memory does not grow.

    Attributes:
        size: height and width of a patch.
        is_free: whether smaller patches would do as well.
    """

    def __init__(self, multiple: int, size: tuple[int, int] | None = None) -> None:
        """Args: `multiple` of the sides of a patch; `size` where the network insists on one."""
        side = -(-SIDE // multiple) * multiple
        self.size = size or (side, side)
        self.is_free = size is None
        area = self.size[0] * self.size[1]
        self._few = max(FEW_PIXELS // area, 1)
        self._learning = _Reservoir(max(MOST_PIXELS // area, 1))
        self._held_out = _Reservoir(self._few)
        self._seen = 0
        self._generator = np.random.default_rng(SEED)

    def passing(
        self, images: Iterable[NDArray[np.uint8]], extremes: Container[int] = ()
    ) -> Iterator[NDArray[np.uint8]]:
        """Yield the images unchanged.

        Args:
            images: 8-bit (H, W, C).
            extremes: places of those that no patch is kept of.
        """
        for place, pixels in enumerate(images):
            for patch in () if place in extremes else self._patches(pixels):
                self._seen += 1
                chosen = self._held_out if self._seen % HELD_OUT_EVERY == 0 else self._learning
                chosen.offer(patch, self._generator)
            yield pixels

    def pixels(self) -> list[NDArray[np.uint8]]:
        """Return a few patches of all images, 8-bit (H, W, C)."""
        kept = self._learning.kept
        places = np.linspace(0, len(kept) - 1, min(self._few, len(kept))).round().astype(int)
        return [kept[place] for place in places]

    def batch(self, peak: float) -> NDArray[np.float32]:
        """Return the same as one network input (N, C, H, W)."""
        return _batch(self.pixels(), peak)

    def all(self, peak: float) -> NDArray[np.float32]:
        """Return all patches to learn from as one network input (N, C, H, W)."""
        return _batch(self._learning.kept, peak)

    def held_out(self, peak: float) -> NDArray[np.float32]:
        """Return patches that are not to be learned from; where there are none, a learned one."""
        return _batch(self._held_out.kept or self._learning.kept[:1], peak)

    def _patches(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """Return patches of an image that do not overlap, in random order."""
        height, width = self.size
        if min(pixels.shape[0] // height, pixels.shape[1] // width) < 1:
            return [_mirrored(pixels[:height, :width], self.size)]
        corners = [
            (top, left)
            for top in range(0, pixels.shape[0] - height + 1, height)
            for left in range(0, pixels.shape[1] - width + 1, width)
        ]
        drawn = self._generator.permutation(len(corners))[:PER_IMAGE]
        places = [corners[index] for index in drawn]
        return [pixels[top : top + height, left : left + width] for top, left in places]


def _mirrored(patch: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    missing = [(0, size[i] - patch.shape[i]) for i in (0, 1)]
    return np.pad(patch, (*missing, (0, 0)), mode="symmetric")


def _batch(patches: Sequence[NDArray[np.uint8]], peak: float) -> NDArray[np.float32]:
    return np.concatenate([to_nchw(patch, peak) for patch in patches])
