"""PSNR-B: the published figures of JPEG, and what it counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_imgq.images.files import list_images, read_y
from edge_imgq.images.jpeg import compress_jpeg
from edge_imgq.metrics.psnr import psnr
from edge_imgq.metrics.psnr_b import psnr_b


def test_jpeg_has_on_classic5_the_psnr_b_that_the_papers_print(shared_data: Path) -> None:
    truths = [read_y(path) for path in list_images(shared_data / "Classic5")]
    values = [psnr_b(truth, compress_jpeg(truth, 10)) for truth in truths]
    assert np.mean(values) == pytest.approx(25.21, abs=0.01)


def test_blocks_cost_and_the_same_error_elsewhere_does_not() -> None:
    truth = np.full((64, 64, 1), 100, np.uint8)
    blocks = truth.copy()
    blocks[:, 8:16] += 10
    shifted = np.roll(blocks, 4, axis=1)
    assert psnr_b(truth, blocks) < psnr(truth, blocks) - 1
    assert psnr_b(truth, shifted) == psnr(truth, shifted)


def test_colour_is_refused() -> None:
    image = np.zeros((16, 16, 3), np.uint8)
    with pytest.raises(ValueError, match="single channels"):
        psnr_b(image, image)
