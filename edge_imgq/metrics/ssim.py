"""Structural similarity of 8-bit images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIGMA = 1.5
"""Of the Gaussian window, which is 11 pixels wide."""


def ssim(
    reference: NDArray[np.generic], candidate: NDArray[np.generic], *, shave: int = 0
) -> float:
    """Measure structural similarity as Wang et al., IEEE TIP 2004, do: 1 for identical images.

    The window is Gaussian with a deviation of 1.5 over 11x11 pixels, the constants are 0.01 and
    0.03, and the mean is over the places where the whole window lies in the image. Several
    channels are measured one by one and averaged.

    Args:
        reference: The truth (H, W, C) on the scale 0..255.
        candidate: What is judged, same shape.
        shave: Rows and columns left out on every side.

    Raises:
        ValueError: The shapes differ, or fewer than 11 pixels are left.
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
