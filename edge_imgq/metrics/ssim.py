"""Structural similarity of 8-bit images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIGMA = 1.5
"""Standard deviation of the Gaussian window, in pixels; the window is 11 pixels wide."""


def ssim(
    reference: NDArray[np.generic], candidate: NDArray[np.generic], *, shave: int = 0
) -> float:
    """Compute the structural similarity of Wang et al., IEEE TIP 2004: 1 for identical images.

    The window is a Gaussian of standard deviation 1.5 over 11x11 pixels, the constants are 0.01 and
    0.03 with a peak of 255, and the mean is taken over positions where the whole window lies inside
    the image. It is computed in float64 per channel and averaged; the result is −1 to 1.

    Args:
        reference: ground truth (H, W, C) on the scale 0..255, of any numeric type.
        candidate: image to evaluate, same shape.
        shave: rows and columns left out on every side.

    Raises:
        ValueError: the shapes differ, or fewer than 11 rows or columns are left.
    """
    from skimage.metrics import structural_similarity

    inner = slice(shave, -shave or None)
    return float(
        structural_similarity(
            reference[inner, inner].astype(np.float64),
            candidate[inner, inner].astype(np.float64),
            gaussian_weights=True,
            sigma=SIGMA,
            use_sample_covariance=False,
            data_range=255.0,
            channel_axis=2,
        )
    )
