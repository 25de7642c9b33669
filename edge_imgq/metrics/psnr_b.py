"""PSNR-B: a PSNR with a penalty for JPEG block artefacts.

Yim and Bovik, "Quality assessment of deblocked images", IEEE TIP 2011. With D_b the mean squared
difference of neighbours across block borders, and D_w that of all other neighbours,

    BEF = max(0, D_b - D_w) * log2(8) / log2(min(H, W)),
    PSNR-B = 10 log10(255^2 / (MSE + BEF)).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 8


def psnr_b(reference: NDArray[np.generic], candidate: NDArray[np.generic]) -> float:
    """Compute the PSNR-B of `candidate` in decibels, with a peak of 255.

    It is at most the PSNR over the pixels, and lower if block borders stand out (the module has the
    formula).

    Args:
        reference: ground truth (H, W, 1) on the scale 0..255, of any numeric type.
        candidate: image to evaluate, same shape, over 8 pixels high and wide; its blocks start at
            the first pixel.

    Returns:
        PSNR-B, computed in float64; infinity for identical images without block artefacts.

    Raises:
        ValueError: the shapes differ, or the images do not have one channel.
    """
    if reference.shape != candidate.shape or reference.shape[2] != 1:
        raise ValueError(
            f"PSNR-B compares single channels, not {reference.shape} and {candidate.shape}"
        )
    judged = candidate[..., 0].astype(np.float64)
    error = float(np.mean((reference[..., 0].astype(np.float64) - judged) ** 2))
    total = error + blocking_effect(judged)
    return math.inf if total == 0 else 10 * math.log10(255.0**2 / total)


def blocking_effect(pixels: NDArray[np.float64]) -> float:
    """Compute the blocking effect factor (BEF) of an image (H, W), 0 to 255, in squared levels.

    It is 0 if block borders differ no more than other neighbours. Blocks of 8x8 start at the first
    pixel. Both sides must be 2 pixels or more, and one more than 8, so that there is a border.
    """
    on_border, within = [], []
    for image in (pixels, pixels.T):
        squared = np.diff(image, axis=1) ** 2
        border = np.arange(squared.shape[1]) % BLOCK == BLOCK - 1
        on_border.append(squared[:, border].ravel())
        within.append(squared[:, ~border].ravel())
    excess = float(np.concatenate(on_border).mean() - np.concatenate(within).mean())
    return max(0.0, excess) * math.log2(BLOCK) / math.log2(min(pixels.shape))
