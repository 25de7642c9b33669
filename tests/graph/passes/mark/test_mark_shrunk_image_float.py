"""A shrunk image keeps the values between levels, by ONNX Runtime's own arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import parsed, run, weights

GENERATOR = np.random.default_rng(5)
CONSTANTS = {
    "w": weights(GENERATOR, 8, 3, 3, 3),
    "v": weights(GENERATOR, 8, 3, 1, 1),
    "p": np.array([2, 3], np.int64),
    "u": weights(GENERATOR, 3, 8, 3, 3),
}
HALF = "AveragePool<kernel_shape = [2, 2], strides = [2, 2]>"
MEANS = (
    "m = ReduceMean<keepdims=1>(b, p) n = ReduceMean<keepdims=1>(d, p) out = Concat<axis=1>(m, n)"
)
FULL = "a = Conv(image, w) b = Relu(a)"


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (f"{FULL} s = {HALF}(image) c = Conv(s, v) d = Relu(c) {MEANS}", {"s", "c", "d"}),
        # Shrunk twice.
        (f"{FULL} s = {HALF}(image) t = {HALF}(s) c = Conv(t, v) d = Relu(c) {MEANS}",
         {"s", "t", "c", "d"}),
        # A map is shrunk, not the image.
        (f"{FULL} s = {HALF}(b) d = Conv(s, u) {MEANS}", set()),
        # Something else reads the shrunk image.
        (f"{FULL} s = {HALF}(image) c = Conv(s, v) e = Sigmoid(s) f = Conv(e, v) d = Add(c, f) "
         f"{MEANS}", set()),
        # A picture is returned.
        (f"s = {HALF}(image) c = Conv(s, v) d = Relu(c) out = Conv(d, u)", set()),
    ],
)  # fmt: skip
def test_a_shrunk_image_is_float_where_numbers_are_returned(body: str, wanted: set[str]) -> None:
    used = {key: value for key, value in CONSTANTS.items() if f", {key})" in body}
    original = parsed(body, used, channels=3)
    rewritten = rewrite(original, ["canonical"])
    assert {n.outputs[0].name for n in rewritten.graph if is_marked(n)} == wanted
    image = GENERATOR.random((1, 3, 8, 10)).astype(np.float32)
    np.testing.assert_allclose(run(rewritten, image), run(original, image), rtol=1e-5, atol=1e-6)
