"""Random training patches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.errors import ImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.train.pairs import Pair


@dataclass(frozen=True)
class Batch:
    """Inputs and ground truth of one training step.

    Attributes:
        degraded: inputs, uint8 (N, C, p, p). For a network that measures degradations, filter
            responses, float32 (N, n, 1, 1).
        truth: ground truth, uint8 (N, C, scale * p, scale * p). For a network that measures,
            target values, float32 (N, measures, 1, 1).
    """

    degraded: NDArray[np.uint8] | NDArray[np.float32]
    truth: NDArray[np.uint8] | NDArray[np.float32]


class BatchSampler:
    """Draws aligned patches uniformly over all grid positions, in all 8 orientations.

    Args:
        pairs: Images to draw from; those smaller than a patch are skipped.
        batch: Patches per draw.
        patch: Height and width of the input patch.
        scale: Output height over input height.
        grid: Patches begin at multiples of this many input pixels.

    Raises:
        ImageError: No image is as large as a patch.
    """

    def __init__(
        self, pairs: tuple[Pair, ...], batch: int, patch: int, scale: int, grid: int = 1
    ) -> None:
        self._pairs = [pair for pair in pairs if min(pair.degraded.shape[:2]) >= patch]
        if not self._pairs:
            raise ImageError(
                f"No training photograph is {patch * scale} pixels wide and high, as patches of "
                f"{patch} pixels need it. Give larger ones, or a smaller --patch."
            )
        self._batch, self._patch, self._scale, self._grid = batch, patch, scale, grid
        counts = [self._positions(side) for pair in self._pairs for side in pair.degraded.shape[:2]]
        self._upto = np.cumsum(np.prod(np.reshape(counts, (-1, 2)), axis=1))

    def draw(self, rng: np.random.Generator) -> Batch:
        """Draw the next batch of patches with replacement; only `rng` changes state.

        Inputs are uint8 (batch, C, patch, patch), truths as large times the scale, of the same
        region. Positions are uniform over all images, orientations over the eight of a square.
        """
        positions = rng.integers(0, self._upto[-1], self._batch)
        orientations = rng.integers(0, 8, self._batch)
        drawn = [self._cut(int(p), int(o)) for p, o in zip(positions, orientations, strict=True)]
        return Batch(np.stack([d for d, _ in drawn]), np.stack([t for _, t in drawn]))

    def _positions(self, side: int) -> int:
        """Return the number of patch positions along an input side."""
        return (side - self._patch) // self._grid + 1

    def _cut(self, position: int, orientation: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        index = int(np.searchsorted(self._upto, position, side="right"))
        pair, patch, scale = self._pairs[index], self._patch, self._scale
        within = position - (int(self._upto[index - 1]) if index else 0)
        top, left = divmod(within, self._positions(pair.degraded.shape[1]))
        top, left = top * self._grid, left * self._grid
        degraded = pair.degraded[top : top + patch, left : left + patch]
        top, left, patch = top * scale, left * scale, patch * scale
        truth = pair.truth[top : top + patch, left : left + patch]
        return oriented(degraded, orientation), oriented(truth, orientation)


def oriented(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turn an image (H, W, C) into one of the eight orientations of a square; (C, H, W).

    It is rotated counter-clockwise by 90° `orientation` % 4 times, then for orientations 4 to 7
    mirrored left to right. A view.
    """
    turned = np.rot90(pixels, orientation % 4)
    return (turned[:, ::-1] if orientation >= 4 else turned).transpose(2, 0, 1)
