"""A calibration set that teaches too little is told what it lacks."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.calibration.calibration_advice import calibration_advice
from tests.quantize.build import photo


def patches(*images: np.ndarray) -> np.ndarray:
    return np.concatenate([to_nchw(image, 1.0) for image in images])


def test_a_good_set_needs_no_advice() -> None:
    varied = patches(*[(photo(seed) * (0.3 + seed / 20)).astype(np.uint8) for seed in range(14)])
    assert calibration_advice(14, varied, 1.0) == ()


def lamp(image: np.ndarray) -> np.ndarray:
    """Return a dark image with one light, of a hundredth of its pixels, in it."""
    lit = image.copy()
    lit[: image.shape[0] // 10, : image.shape[1] // 10] = 255
    return lit


@pytest.mark.parametrize(
    ("count", "images", "words"),
    [
        (1, [photo(0), photo(1) // 2], "Only 1 calibration image:"),
        (20, [photo(0), photo(1)], "nearly alike"),
        (20, [photo(0) // 2, photo(1) // 3], "Add the brightest"),
        (20, [lamp(photo(0) // 4), lamp(photo(1) // 6)], "Add the brightest"),
        (20, [255 - lamp(photo(0) // 4), 255 - lamp(photo(1) // 6)], "Add the darkest"),
        (20, [255 - photo(0) // 2, 255 - photo(1) // 3], "Add the darkest"),
    ],
)
def test_what_a_set_lacks_is_a_sentence(count: int, images: list, words: str) -> None:
    assert words in " ".join(calibration_advice(count, patches(*images), 1.0))
