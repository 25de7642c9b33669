"""Enlarging by products of matrices, against Pillow on the whole plane."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from edge_imgq.images.bicubic import BLOCK, enlarged_bands


@pytest.mark.parametrize("scale", [1, 2, 3, 8])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (BLOCK, BLOCK + 1), (3 * BLOCK - 1, 40)])
def test_bands_are_as_pillow_enlarges_the_whole(size: tuple[int, int], scale: int) -> None:
    height, width = size
    planes = np.random.default_rng(7).uniform(-200, 300, (2, height, width)).astype(np.float32)
    found = np.full((2, height * scale, width * scale), np.nan, np.float32)
    for rows, band in enlarged_bands(size, scale, lambda part: planes[:, part]):
        found[:, rows] = band
    for plane, enlarged in zip(planes, found, strict=True):
        image = Image.fromarray(plane)
        whole = image.resize((width * scale, height * scale), Image.Resampling.BICUBIC)
        np.testing.assert_allclose(enlarged, np.asarray(whole), rtol=0, atol=2e-4)
