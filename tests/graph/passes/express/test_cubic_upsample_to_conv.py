"""Cubic upsampling by a whole factor is a convolution."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import parsed, run

CUBICS = {
    "doubled": ("half_pixel", 2, -0.75),
    "by three": ("pytorch_half_pixel", 3, -0.75),
    "by four from the corner, another kernel": ("asymmetric", 4, -0.5),
}


@pytest.mark.parametrize("size", ["8,10", "h,w"])
@pytest.mark.parametrize("name", CUBICS)
def test_cubic_upsampling_becomes_a_convolution(name: str, size: str) -> None:
    coordinates, factor, a = CUBICS[name]
    attributes = f'mode="cubic", coordinate_transformation_mode="{coordinates}", cubic_coeff_a={a}'
    scales = {"s": np.array([1, 1, factor, factor], np.float32)}
    model = parsed(f"out = Resize<{attributes}>(image, , s)", scales, size, channels=3)
    changed = rewrite(model, ["canonical"])
    assert "Resize" not in {node.op_type for node in changed.graph}
    image = np.random.default_rng(1).random((1, 3, 8, 10), np.float32)
    np.testing.assert_allclose(run(changed, image), run(model, image), atol=2e-6)
