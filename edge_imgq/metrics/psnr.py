"""Peak signal-to-noise ratio of 8-bit images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


Pixels: TypeAlias = "NDArray[np.uint8] | NDArray[np.float64]"


def psnr(reference: Pixels, candidate: Pixels, *, shave: int = 0) -> float:
    """Measure how close `candidate` is to `reference`, in decibels with a peak of 255.

    Args:
        reference: The truth (H, W, C): uint8, or float64 on the scale 0..255, such as the luma of
            8-bit colours.
        candidate: What is judged, same shape and type.
        shave: Rows and columns left out on every side; the papers leave out `scale`.

    Returns:
        The PSNR over all pixels and channels, infinity for identical images.

    Raises:
        ValueError: The shapes or types differ, or nothing is left after shaving.
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
