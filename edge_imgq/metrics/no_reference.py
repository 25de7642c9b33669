"""Classical no-reference metrics: noise, blur and blockiness.

They are the baselines of the network `assess-slim` and cost almost nothing. All take one channel
(H, W) on the scale 0..255, at least MIN_SIDE pixels high and wide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DAUBECHIES_2 = (-0.12940952255126034, -0.22414386804201339, 0.83651630373780772, -0.48296291314453)
"""High-pass filter of the wavelet with two vanishing moments; its squares sum to one."""

NORMAL_MAD = 0.6745
"""Median absolute deviation of the standard normal distribution."""

BLOCK = 8

MIN_SIDE = 2 * BLOCK
"""Smallest height and width; narrower images have too few block borders, 4 pixels none."""


def wavelet_noise(luma: NDArray[np.floating]) -> float:
    """Estimate the standard deviation of white noise in luma (H, W), 0 to 255, in levels.

    The estimate is the median of the absolute diagonal coefficients of the finest wavelet band
    (Daubechies, two vanishing moments) divided by 0.6745 (Donoho and Johnstone, "Ideal spatial
    adaptation by wavelet shrinkage", Biometrika 1994). It expects Gaussian noise. Texture counts as
    noise. Sides must be 16 pixels or more, which is not checked.
    """
    diagonal = _filtered(_filtered(luma).T)
    return float(np.median(np.abs(diagonal)) / NORMAL_MAD)


def laplacian_variance(luma: NDArray[np.floating]) -> float:
    """Compute the variance of the Laplacian of luma (H, W), 0 to 255: small for blurred images.

    Sharp and noisy images have more. The unit is squared levels; the border pixels are left out.
    Sides must be 16 pixels or more, which is not checked. Pass floats: differences of integers
    would wrap around. Pech-Pacheco et al., "Diatom
    autofocusing in brightfield microscopy", ICPR 2000.
    """
    inside = luma[1:-1, 1:-1]
    around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    return float(np.var(around - 4.0 * inside))


def blockiness(luma: NDArray[np.floating]) -> float:
    """Compute the ratio of steps across 8x8 block borders to other steps in luma (H, W), floats.

    It is 1 without blocks, and if there are no other steps; larger with JPEG blocks. Steps are mean
    absolute differences of neighbours, as in the blockiness of Wang, Sheikh and Bovik,
    "No-reference perceptual quality assessment of JPEG compressed images", ICIP 2002. Blocks start
    at the first pixel. Sides must be 16 pixels or more, which is not checked.
    """
    across, within = [], []
    for image in (luma, luma.T):
        steps = np.abs(np.diff(image, axis=1))
        border = np.arange(steps.shape[1]) % BLOCK == BLOCK - 1
        across.append(steps[:, border].ravel())
        within.append(steps[:, ~border].ravel())
    elsewhere = float(np.concatenate(within).mean())
    return float(np.concatenate(across).mean()) / elsewhere if elsewhere else 1.0


def _filtered(image: NDArray[np.floating]) -> NDArray[np.floating]:
    """Filter the rows with the wavelet and keep every second column."""
    width = image.shape[1] - len(DAUBECHIES_2) + 1
    taps = [factor * image[:, i : i + width] for i, factor in enumerate(DAUBECHIES_2)]
    band: NDArray[np.floating] = np.sum(taps, axis=0)[:, ::2]
    return band
