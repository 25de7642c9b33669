"""Bicubic enlargement of float32 planes by matrix products, one band of rows at a time.

The kernel is Keys's with a = -0.5, as in MATLAB and Pillow: Robert G. Keys, "Cubic Convolution
Interpolation for Digital Image Processing", 1981. At the edges, weights outside the image are
dropped and the others normalized to sum to 1, as in Pillow. Products of small matrices are several
times as fast as Pillow's float32 resize, which accumulates in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Planes: TypeAlias = NDArray[np.float32]

BLOCK = 8
"""Input pixels that one matrix product enlarges along an axis, without its margins."""

REACH = 2
"""Radius of the kernel in input pixels."""


def enlarged_bands(
    size: tuple[int, int], scale: int, planes: Callable[[slice], Planes]
) -> Iterator[tuple[slice, Planes]]:
    """Enlarge P planes (H, W) by bicubic with a = -0.5; yield the result in bands of rows.

    Each item is the slice of output rows, from the top, and their planes, float32 (P, rows,
    scale × W), neither rounded nor clipped. The next band overwrites the array. Equal to Pillow's
    bicubic resize up to float32 rounding.

    Args:
        size: height H and width W of the image.
        scale: whole factor by which both sides grow.
        planes: returns float32 (P, rows, W) for a slice of input rows; called for overlapping
            slices.
    """
    height, width = size
    down, right = _matrices(height, scale), _matrices(width, scale).transpose(0, 2, 1)
    count = planes(slice(0, 1)).shape[0]
    padded = np.zeros((count, BLOCK + 2 * REACH, len(right) * BLOCK + 2 * REACH), np.float32)
    tall = np.empty((count, BLOCK * scale, padded.shape[2]), np.float32)
    wide = np.empty((count, BLOCK * scale, len(right) * BLOCK * scale), np.float32)
    for index, matrix in enumerate(down):
        top = index * BLOCK
        bottom = min(top + BLOCK, height)
        read = slice(max(top - REACH, 0), min(bottom + REACH, height))
        inside = slice(read.start - top + REACH, read.stop - top + REACH)
        padded[:, inside, REACH : width + REACH] = planes(read)
        np.matmul(matrix, padded, out=tall)
        np.matmul(_overlapping(tall), right, out=_side_by_side(wide, BLOCK * scale))
        yield (
            slice(top * scale, bottom * scale),
            wide[:, : (bottom - top) * scale, : width * scale],
        )


def _matrices(length: int, scale: int) -> NDArray[np.float32]:
    """Make the matrices that enlarge each block: (blocks, scale × BLOCK, BLOCK + 2 × REACH)."""
    position = np.arange(length * scale)
    centre = (position + 0.5) / scale - 0.5
    taps = np.floor(centre).astype(np.int64)[:, np.newaxis] + np.arange(1 - REACH, 1 + REACH)
    weights = np.where((taps >= 0) & (taps < length), _keys(taps - centre[:, np.newaxis]), 0)
    weights /= weights.sum(axis=1, keepdims=True)
    block, inside = np.divmod(position, BLOCK * scale)
    columns = taps - (block * BLOCK - REACH)[:, np.newaxis]
    shape = (-(-length // BLOCK), BLOCK * scale, BLOCK + 2 * REACH)
    matrices = np.zeros(shape, np.float32)
    matrices[block[:, np.newaxis], inside[:, np.newaxis], columns] = weights
    return matrices


def _keys(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evaluate Keys's kernel at distances below 2."""
    x = np.abs(distance)
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    weights: NDArray[np.float64] = np.where(x < 1, near, far)
    return weights


def _overlapping(tall: Planes) -> Planes:
    """View (P, rows, W) as overlapping blocks: (blocks, P × rows, BLOCK + 2 × REACH)."""
    rows = tall.reshape(-1, tall.shape[2])
    view = np.lib.stride_tricks.sliding_window_view(rows, BLOCK + 2 * REACH, axis=1)
    return view[:, ::BLOCK].transpose(1, 0, 2)


def _side_by_side(wide: Planes, length: int) -> Planes:
    """View (P, rows, W) as adjacent blocks of a length: (blocks, P × rows, length)."""
    return wide.reshape(-1, wide.shape[2] // length, length).transpose(1, 0, 2)
