"""What is to be said of a calibration set that teaches too little."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.wording import count_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST = 8
DARK, BRIGHT = 32, 224
SHARE = 0.001
"""Share of the pixels that must be darker than DARK, and that must be brighter than BRIGHT."""

DIM, LIGHT = 96, 160
"""Mean levels that no patch of dark, and every patch of light images, passes."""

LEAST_SPREAD = 6.0
"""Standard deviation of the patches' means, in levels."""


def calibration_advice(count: int, patches: NDArray[np.float32], peak: float) -> tuple[str, ...]:
    """Return a sentence for everything that a calibration set lacks.

    Args:
        count: of the images.
        patches: of them, (N, C, H, W).
        peak: float value of pixel 255.
    """
    levels = patches * (255 / peak)
    found = []
    if count < FEWEST:
        found.append(
            f"Only {count_of(count, 'calibration image')}: an app's photographs will leave the "
            "ranges seen here. 16 to 64 are a good number."
        )
    means = levels.mean(axis=(1, 2, 3))
    if float(means.std()) < LEAST_SPREAD:
        found.append(
            "The calibration images are nearly alike in brightness. Add scenes that differ."
        )
    if float(np.mean(levels < DARK)) < SHARE or means.min() > LIGHT:
        found.append("Next to nothing dark is in the calibration images. Add the darkest scenes.")
    if float(np.mean(levels > BRIGHT)) < SHARE or means.max() < DIM:
        found.append(
            "Next to nothing bright is in the calibration images. Add the brightest scenes."
        )
    return tuple(found)
