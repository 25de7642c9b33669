"""Transposed convolutions that are plain ones, or are cropped, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, parsed, run

SEED = 9
GENERATOR = np.random.default_rng(SEED)
IMAGE = GENERATOR.normal(size=(1, 6, 8, 10)).astype(np.float32)


def weights(*shape: int) -> np.ndarray:
    return GENERATOR.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("pads", ["0,0,0,0", "1,2,1,0", "2,2,2,2"])
@pytest.mark.parametrize("dilation", [1, 2])
def test_one_of_stride_one_is_a_convolution(groups: int, pads: str, dilation: int) -> None:
    constants = {"w": weights(6, 12 // groups, 3, 3), "b": weights(12)}
    model = parsed(
        f"out = ConvTranspose<group={groups}, pads=[{pads}], dilations=[{dilation},{dilation}]>"
        "(image, w, b)",
        constants,
    )
    rewritten = rewrite(model, ["canonical"])
    assert kinds(rewritten) == ["Conv"]
    np.testing.assert_allclose(run(rewritten, IMAGE), run(model, IMAGE), atol=2e-5)


def test_one_of_stride_one_that_is_cut_deeper_than_its_kernel_is_left_alone() -> None:
    model = parsed("out = ConvTranspose<pads=[3,3,3,3]>(image, w)", {"w": weights(6, 4, 3, 3)})
    rewritten = rewrite(model, ["canonical"])
    assert "Conv" not in kinds(rewritten)
    np.testing.assert_allclose(run(rewritten, IMAGE), run(model, IMAGE), atol=2e-5)


CROPS = {
    "as TensorFlow's converter crops": ([3, 3], [19, 23], [2, 3]),
    "from the end": ([1], [-2], [3]),
    "rows alone": ([0], [9], [2]),
}
