"""Signed mean error of a file's images: the tint, which PSNR hides.

Two levels too much in the dark are 49.5 dB where a fifth of a picture is dark, and every flat wall
shows them. So each channel's mean error is taken overall, and in flat areas that are dark or
bright.
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
"""Side of the blocks that are looked at for flatness, in pixels."""

FLAT = 8
"""Most levels between the least and the largest value of each channel in a flat block."""

DARK, BRIGHT = 64, 192
"""Levels below and above which the mean of a block is dark or bright."""

LEAST_BLOCKS = 4
"""Blocks of a kind, over all images, from which on their mean says something."""


@dataclass(frozen=True)
class MeanError:
    """Mean of file − float model for each channel, in levels; positive is too bright.

    Attributes:
        overall: over all pixels.
        dark: over flat dark areas.
        bright: over flat bright areas.
    """

    overall: tuple[float, ...]
    dark: tuple[float, ...] | Skipped
    bright: tuple[float, ...] | Skipped


@dataclass(frozen=True)
class ErrorSums:
    """Errors of one image, added up.

    Attributes:
        sums: of the errors, (3, C): overall, in flat dark and in flat bright areas.
        pixels: how many were added up for each row.
    """

    sums: NDArray[np.float64]
    pixels: NDArray[np.int64]


def error_sums(reference: Pixels, file: Pixels) -> ErrorSums:
    """Add up the errors of an image, both 8-bit (H, W, C) of one shape."""
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
    """Return the mean errors over images; there is at least one."""
    sums = np.sum([image.sums for image in images], axis=0)
    pixels = np.sum([image.pixels for image in images], axis=0)
    means = [
        tuple(map(float, row / count)) if count else ()
        for row, count in zip(sums, pixels, strict=True)
    ]
    dark, bright = (
        mean
        if count >= LEAST_BLOCKS * BLOCK**2
        else Skipped(f"the images have no flat {kind} area")
        for mean, count, kind in zip(means[1:], pixels[1:], ("dark", "bright"), strict=True)
    )
    return MeanError(means[0], dark, bright)


def _blocks(pixels: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return (blocks, pixels of a block, C) of an image whose sides BLOCK divides."""
    height, width, channels = pixels.shape
    parted = pixels.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK, channels)
    return parted.transpose(0, 2, 1, 3, 4).reshape(-1, BLOCK**2, channels)
