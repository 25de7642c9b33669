"""Measure the signed mean error of a file's images: a tint, which PSNR hides.

An error of two levels in the dark is 49.5 dB if a fifth of a picture is dark, but is visible on
every flat wall. Each channel's mean error is therefore taken overall, and over flat areas that are
dark or bright.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]

BLOCK = 8
"""Height and width in pixels of the blocks tested for flatness."""

FLAT = 8
"""Largest range of each channel within a flat block, in levels."""

DARK, BRIGHT = 64, 192
"""Levels below and above which the mean of a block is dark or bright."""

MIN_BLOCKS = 4
"""Fewest blocks of a kind, over all images, for a meaningful mean."""


@dataclass(frozen=True)
class MeanError:
    """Mean of file − float model per channel, in levels of 255; positive is too bright.

    Attributes:
        overall: mean over all pixels.
        dark: mean over flat dark areas; skipped if there are few.
        bright: mean over flat bright areas; skipped if there are few.
    """

    overall: tuple[float, ...]
    dark: tuple[float, ...] | Skipped
    bright: tuple[float, ...] | Skipped


@dataclass(frozen=True)
class ErrorSums:
    """Summed errors of one image.

    Attributes:
        sums: sums of the errors, float64 (3, C): all pixels, flat dark areas, flat bright areas.
        pixels: number of pixels in each row, int64 (3,).
    """

    sums: NDArray[np.float64]
    pixels: NDArray[np.int64]


def error_sums(reference: Pixels, file: Pixels) -> ErrorSums:
    """Sum the signed errors file − reference of an image per channel, in levels, exactly.

    Sums are over all pixels, and over the blocks of 8×8 pixels that are flat and dark, or flat and
    bright, in the reference: within 8 levels, and below 64 or above 192. Rows and columns beyond
    whole blocks count in the first only. Both images are uint8 (H, W, C) of equal shape.
    """
    errors = file.astype(np.float64) - reference
    height, width = (side // BLOCK * BLOCK for side in reference.shape[:2])
    blocks = _blocks(reference[:height, :width])
    flat = (blocks.max(axis=1) - blocks.min(axis=1) <= FLAT).all(axis=1)
    level = blocks.mean(axis=(1, 2))
    of_blocks = _blocks(errors[:height, :width]).sum(axis=1)
    kinds = (flat & (level < DARK), flat & (level > BRIGHT))
    return ErrorSums(
        np.stack([errors.sum(axis=(0, 1)), *(of_blocks[kind].sum(axis=0) for kind in kinds)]),
        np.array([errors[..., 0].size, *(kind.sum() * BLOCK**2 for kind in kinds)]),
    )


def mean_error(images: Sequence[ErrorSums]) -> MeanError:
    """Return the mean of file − reference per channel over one or more images, in levels.

    Those of dark or bright areas are Skipped if all images together have fewer than four such
    blocks of 8×8 pixels.
    """
    sums = np.sum([image.sums for image in images], axis=0)
    pixels = np.sum([image.pixels for image in images], axis=0)
    means = [
        tuple(map(float, row / count)) if count else ()
        for row, count in zip(sums, pixels, strict=True)
    ]
    dark, bright = (
        mean if count >= MIN_BLOCKS * BLOCK**2 else Skipped(f"the images have no flat {kind} area")
        for mean, count, kind in zip(means[1:], pixels[1:], ("dark", "bright"), strict=True)
    )
    return MeanError(means[0], dark, bright)


def _blocks(pixels: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return the blocks (N, BLOCK², C) of an image with sides that are multiples of BLOCK."""
    height, width, channels = pixels.shape
    tiles = pixels.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK, channels)
    return tiles.transpose(0, 2, 1, 3, 4).reshape(-1, BLOCK**2, channels)
