"""Warnings about calibration sets that are too small, uniform, or lack dark or bright pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.wording import count_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_IMAGES = 8
"""Images from which their number is no reason for a warning: 8 and 32 random photographs differ
less in loss than two draws of one number (docs/own-photos.md)."""

DARK, BRIGHT = 32, 224
SHARE = 0.001
"""Least share of pixels below DARK, and of pixels above BRIGHT, both in levels of 255."""

DIM, LIGHT = 96, 160
"""Mean levels: a set without patches above DIM is dark, one without patches below LIGHT is
light."""

MIN_PATCH_DEVIATION = 6.0
"""Least standard deviation of the patches' mean levels, in levels of 255."""


def calibration_advice(count: int, patches: NDArray[np.float32], peak: float) -> tuple[str, ...]:
    """List the shortcomings of a calibration set, one sentence each; empty if there are none.

    They are fewer than 8 images, patches alike in mean brightness (a standard deviation below 6
    levels of 255), and less than 0.1 % of pixels, or no patches, that are dark or bright.

    Args:
        count: number of calibration images.
        patches: patches of the images, (N, C, H, W), from 0 to `peak`; at least one.
        peak: float value of pixel 255.
    """
    levels = patches * (255 / peak)
    advice = []
    if count < MIN_IMAGES:
        advice.append(
            f"Only {count_of(count, 'calibration image')}: an app's photographs will leave the "
            "ranges seen here. 16 to 64 are a good number."
        )
    means = levels.mean(axis=(1, 2, 3))
    if float(means.std()) < MIN_PATCH_DEVIATION:
        advice.append(
            "The calibration images are nearly alike in brightness. Add scenes that differ."
        )
    if float(np.mean(levels < DARK)) < SHARE or means.min() > LIGHT:
        advice.append("Next to nothing dark is in the calibration images. Add the darkest scenes.")
    if float(np.mean(levels > BRIGHT)) < SHARE or means.max() < DIM:
        advice.append(
            "Next to nothing bright is in the calibration images. Add the brightest scenes."
        )
    return tuple(advice)
