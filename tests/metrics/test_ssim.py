"""SSIM: the published figures of JPEG, the formula, the border."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import correlate1d

from edge_imgq.images.files import list_images, read_y
from edge_imgq.images.jpeg import compress_jpeg
from edge_imgq.metrics.ssim import ssim


@pytest.mark.parametrize(("quality", "published"), [(10, 0.760), (20, 0.834), (40, 0.885)])
def test_jpeg_has_on_classic5_the_ssim_that_the_papers_print(
    shared_data: Path, quality: int, published: float
) -> None:
    truths = [read_y(path) for path in list_images(shared_data / "Classic5")]
    values = [ssim(truth, compress_jpeg(truth, quality)) for truth in truths]
    assert np.mean(values) == pytest.approx(published, abs=0.001)


def test_it_is_the_formula_of_wang_over_whole_windows() -> None:
    rng = np.random.default_rng(21)
    one = rng.integers(0, 256, (40, 37, 1), dtype=np.uint8)
    other = np.clip(one.astype(int) + rng.integers(-30, 31, one.shape), 0, 255).astype(np.uint8)
    line = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    line /= line.sum()

    def mean(values: np.ndarray) -> np.ndarray:
        return correlate1d(correlate1d(values, line, axis=0), line, axis=1)[5:-5, 5:-5]

    x, y = one[..., 0].astype(float), other[..., 0].astype(float)
    mx, my = mean(x), mean(y)
    vx, vy, vxy = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    formula = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    assert ssim(one, other) == pytest.approx(formula.mean(), abs=1e-9)


def test_identical_images_give_one_and_a_shaved_border_does_not_count() -> None:
    one = np.random.default_rng(22).integers(0, 256, (30, 30, 3), dtype=np.uint8)
    other = one.copy()
    other[:2] = 0
    assert ssim(one, one) == pytest.approx(1.0)
    assert ssim(one, other) < 0.9995
    assert ssim(one, other, shave=2) == pytest.approx(1.0)
