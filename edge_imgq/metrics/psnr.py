"""Peak signal-to-noise ratio of 8-bit images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


Pixels: TypeAlias = "NDArray[np.uint8] | NDArray[np.float64]"


def psnr(reference: Pixels, candidate: Pixels, *, shave: int = 0) -> float:
    """Compute the PSNR of `candidate` in decibels, with a peak of 255.

    Args:
        reference: ground truth (H, W, C), uint8, or float64 on the scale 0..255, such as luma of
            8-bit colours.
        candidate: image to evaluate, same shape and dtype; it is neither rounded nor clipped.
        shave: rows and columns left out on every side; papers leave out `scale`.

    Returns:
        PSNR over all pixels and channels, computed in float64; infinity for identical images.

    Raises:
        ValueError: the shapes or dtypes differ, or nothing is left after shaving.
    """
    if reference.shape != candidate.shape:
        raise ValueError(f"shapes differ: {reference.shape} and {candidate.shape}")
    if reference.dtype != candidate.dtype or reference.dtype not in (np.uint8, np.float64):
        raise ValueError(f"PSNR compares 8-bit images, not {reference.dtype} and {candidate.dtype}")
    if shave < 0 or min(reference.shape[:2]) <= 2 * shave:
        raise ValueError(f"cannot shave {shave} pixels off an image of {reference.shape}")
    inner = slice(shave, -shave or None)
    difference = reference[inner, inner].astype(np.float64) - candidate[inner, inner]
    error = float(np.mean(difference**2))
    return math.inf if error == 0 else 10 * math.log10(255.0**2 / error)
