"""Perceptual fingerprints that detect copies of a photograph: re-encoded, resized or cropped.

There are two fingerprints, both of mean gray levels over small squares, which JPEG hardly changes:

- of the whole image: comparisons of neighbouring means on a 16 × 17 grid. Copies of other sizes and
  qualities keep almost all of these bits (the difference hash, N. Krawetz, 2013).
- of key points: the same kind of bits around points that differ from their surroundings. A crop
  keeps the key points inside it, all displaced by one vector.

Copies that are both cropped and scaled, rotated or mirrored are not detected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from edge_imgq.images.samples import Photo

    Plane: TypeAlias = NDArray[np.float64]
    Bits: TypeAlias = NDArray[np.uint8]

REDUCED = 2
SMOOTHED = 5
"""REDUCED pixels of a side become one, smoothed over SMOOTHED pixels to suppress JPEG artefacts."""

GRID = 16
MAX_FINGERPRINT_BITS = 12
"""Largest number of differing bits, of 256, between fingerprints of one image."""

MIN_CONTRAST = 6.0
"""Standard deviation of the grid, in levels, below which its bits are random."""

MAX_KEYPOINTS = 100
APART = 12
SPAN = 15
CELL = 3
"""A key point is described by means of CELL × CELL pixels within SPAN pixels on every side."""

MIN_RESPONSE = 2.0
"""Least difference of a key point from its surroundings, in levels."""

MAX_KEYPOINT_BITS = 12
"""Largest number of differing bits, of 90, between descriptors of one key point."""

MIN_KEYPOINTS = 6
SLACK = 2
"""Largest difference between the displacements of key points of one image, in pixels."""


@dataclass(frozen=True)
class Fingerprint:
    """Fingerprint of an image.

    Attributes:
        whole: bits of the whole image, packed, uint8 (32,); None if it lacks contrast or pixels.
        keypoints: rows and columns of the key points, int (n, 2), in reduced pixels.
        bits: descriptors of the key points, packed, uint32 (n, 3).
    """

    whole: Bits | None
    keypoints: NDArray[np.int64]
    bits: NDArray[np.uint32]


def fingerprint(photo: Photo) -> Fingerprint:
    """Compute the fingerprint of a photograph from its BT.601 luma; see `fingerprint_of`.

    Raises:
        ImageError: its file is missing, truncated or not an image.
    """
    from edge_imgq.images.colour import rgb_to_y

    return fingerprint_of(rgb_to_y(photo.read("rgb"))[..., 0])


def fingerprint_of(gray: Plane) -> Fingerprint:
    """Compute the fingerprint of gray levels (H, W) in 0..255.

    Images of up to 66 pixels on a side have no key points; those of up to 16, or with little
    contrast, no `whole`.
    """
    reduced = _reduced(np.asarray(gray, np.float64))
    keypoints = _keypoints(reduced)
    return Fingerprint(
        _whole(np.asarray(gray, np.float64)), keypoints, _described(reduced, keypoints)
    )


def _whole(plane: Plane) -> Bits | None:
    if min(plane.shape) <= GRID:
        return None
    grid = _grid(plane, (GRID, GRID + 1))
    return np.packbits(grid[:, 1:] > grid[:, :-1]) if grid.std() >= MIN_CONTRAST else None


def is_copy(one: Fingerprint, other: Fingerprint) -> bool:
    """Return True if two images seem to show the same picture, or one is a crop of the other.

    True if at most 12 (MAX_FINGERPRINT_BITS) of 256 bits differ, or at least 6 (MIN_KEYPOINTS) key
    points match with one displacement. A heuristic: copies may be missed, and different pictures
    may agree by chance.
    """
    return _agree(one.whole, other.whole) or _common_keypoints(one, other) >= MIN_KEYPOINTS


def _agree(one: Bits | None, other: Bits | None) -> bool:
    """Return True if the fingerprints of two whole images nearly match."""
    if one is None or other is None:
        return False
    return int(np.bitwise_count(one ^ other).sum()) <= MAX_FINGERPRINT_BITS


def _common_keypoints(one: Fingerprint, other: Fingerprint) -> int:
    """Count the key points that two images share with a common displacement."""
    if not len(one.keypoints) or not len(other.keypoints):
        return 0
    distances = np.bitwise_count(one.bits[:, np.newaxis] ^ other.bits).sum(axis=2, dtype=int)
    first, second = np.nonzero(distances <= MAX_KEYPOINT_BITS)
    moved = other.keypoints[second] - one.keypoints[first]
    if not len(moved):
        return 0
    near = np.abs(moved[:, np.newaxis] - moved).max(axis=2) <= SLACK
    best = int(near.sum(axis=1).argmax())
    return len(set(first[near[best]]))


def _reduced(plane: Plane) -> Plane:
    """Smooth an image and keep every second pixel."""
    return _boxed(plane, SMOOTHED)[::REDUCED, ::REDUCED]


def _grid(plane: Plane, shape: tuple[int, int]) -> Plane:
    """Average over the rectangles of a grid on the whole image."""
    sums = np.pad(plane.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    rows, columns = (
        np.linspace(0, length, count + 1).round().astype(int)
        for length, count in zip(plane.shape, shape, strict=True)
    )
    corner = sums[np.ix_(rows, columns)]
    totals = corner[1:, 1:] - corner[:-1, 1:] - corner[1:, :-1] + corner[:-1, :-1]
    areas = np.outer(np.diff(rows), np.diff(columns))
    means: Plane = totals / areas
    return means


def _boxed(plane: Plane, side: int) -> Plane:
    """Average over a square with an odd side around each pixel for which it fits."""
    sums = np.pad(plane.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    totals = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    means: Plane = totals / side**2
    return means


def _keypoints(plane: Plane) -> NDArray[np.int64]:
    """Find the strongest key points, at most MAX_KEYPOINTS, no two of them close to each other."""
    if min(plane.shape, default=0) <= 2 * SPAN + 1:
        return np.zeros((0, 2), np.int64)
    inner, outer = _boxed(plane, 3), _boxed(plane, 13)
    response = np.abs(inner[5:-5, 5:-5] - outer)
    rows, columns = (length // APART * APART for length in response.shape)
    blocks = response[:rows, :columns].reshape(rows // APART, APART, columns // APART, APART)
    flat = blocks.transpose(0, 2, 1, 3).reshape(-1, APART**2)
    number, within = np.arange(len(flat)), flat.argmax(axis=1)
    points = np.stack(
        [
            number // (columns // APART) * APART + within // APART,
            number % (columns // APART) * APART + within % APART,
        ],
        axis=1,
    )
    points = points[_stands_out(response, points)] + 6
    far = ((points >= SPAN) & (points < np.array(plane.shape) - SPAN)).all(axis=1)
    points = points[far]
    strength = response[points[:, 0] - 6, points[:, 1] - 6]
    return points[np.argsort(-strength, kind="stable")[:MAX_KEYPOINTS]]


def _stands_out(response: Plane, keypoints: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return True for the points with the largest response in their neighbourhood."""
    reach = APART // 2
    padded = np.pad(response, reach)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * reach + 1, 2 * reach + 1))
    around = windows[keypoints[:, 0], keypoints[:, 1]].reshape(len(keypoints), -1)
    own = response[keypoints[:, 0], keypoints[:, 1]]
    largest: NDArray[np.bool_] = own >= np.maximum(around.max(axis=1), MIN_RESPONSE)
    return largest


def _described(plane: Plane, keypoints: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Compute descriptors of key points: comparisons of neighbouring cells, packed."""
    if not len(keypoints):
        return np.zeros((0, 3), np.uint32)
    windows = np.lib.stride_tricks.sliding_window_view(plane, (2 * SPAN, 2 * SPAN))
    around = windows[keypoints[:, 0] - SPAN, keypoints[:, 1] - SPAN]
    cells = 2 * SPAN // CELL
    means = around.reshape(-1, cells, CELL, cells, CELL).mean(axis=(2, 4))
    brighter = means[:, :, 1:] > means[:, :, :-1]
    bits = np.zeros((len(keypoints), 96), np.bool_)
    bits[:, : brighter[0].size] = brighter.reshape(len(keypoints), -1)
    return np.packbits(bits, axis=1).view(np.uint32)
