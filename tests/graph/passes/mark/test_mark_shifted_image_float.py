"""A shifted image is not stored once more, by ONNX Runtime's own arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import parsed, run, weights

GENERATOR = np.random.default_rng(5)
CONSTANTS = {
    "mean": np.float32([0.45, 0.44, 0.4]).reshape(1, 3, 1, 1),
    "w": weights(GENERATOR, 8, 3, 3, 3),
    "v": weights(GENERATOR, 3, 8, 3, 3),
}
PADS = "<pads = [1, 1, 1, 1]>"
END = f"out = Conv{PADS}(b, v)"


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (f"a = Sub(image, mean) c = Conv{PADS}(a, w) b = Relu(c) {END}", {"Sub", "Conv", "Relu"}),
        # A Conv without padding takes the shift into its bias.
        (f"a = Sub(image, mean) c = Conv(a, w) b = Relu(c) {END}", set()),
        # Something else reads the shifted image.
        (f"a = Sub(image, mean) c = Conv{PADS}(a, w) b = Relu(c) z = Conv{PADS}(b, v) "
         "out = Add(z, a)", set()),
    ],
)  # fmt: skip
def test_the_first_layer_of_a_shifted_image_is_float(body: str, wanted: set[str]) -> None:
    original = parsed(body, CONSTANTS, channels=3)
    rewritten = rewrite(original, ["canonical"])
    assert {node.op_type for node in rewritten.graph if is_marked(node)} == wanted
    image = GENERATOR.random((1, 3, 8, 10)).astype(np.float32)
    np.testing.assert_allclose(run(rewritten, image), run(original, image), rtol=1e-5, atol=1e-6)
