"""Windows along one axis become windows of an image: the same numbers in ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import parsed, run

SEED = 5
WEIGHTS = {
    "w": np.random.default_rng(SEED).standard_normal((4, 6, 1)).astype(np.float32),
    "b": np.linspace(-1, 1, 4).astype(np.float32),
    "g": np.random.default_rng(SEED).standard_normal((3, 2, 1)).astype(np.float32),
    "v": np.random.default_rng(SEED).standard_normal((6, 2, 3)).astype(np.float32),
    "t": np.random.default_rng(SEED).standard_normal((6, 4, 4)).astype(np.float32),
    "row": np.array([0, 6, -1], np.int64),
}
FLAT = "f = Reshape(image, row) "
ONE_AXIS_LAYERS = {
    "one tap": FLAT + "out = Conv<kernel_shape=[1]>(f, w, b)",
    "one tap in groups": FLAT + "out = Conv<group=3>(f, g)",
    "three taps": FLAT + "out = Conv<group=3, pads=[2, 1], strides=[2], dilations=[2]>(f, v)",
    "same": FLAT + 'out = Conv<group=3, auto_pad="SAME_UPPER", kernel_shape=[3]>(f, v)',
    "strided tap": FLAT + "out = Conv<strides=[2]>(f, w, b)",
    "padded tap": FLAT + "out = Conv<pads=[1, 0]>(f, w, b)",
    "transposed": FLAT + "out = ConvTranspose<strides=[2], pads=[1, 1], output_padding=[1]>(f, t)",
    "greatest": FLAT + "out = MaxPool<kernel_shape=[3], strides=[2], ceil_mode=1>(f)",
    "mean": FLAT + "out = AveragePool<kernel_shape=[3], pads=[1, 1], count_include_pad=1>(f)",
}


@pytest.mark.parametrize("size", ["8,10", "h,w"])
@pytest.mark.parametrize("name", ONE_AXIS_LAYERS)
def test_a_window_along_one_axis_becomes_one_of_an_image(name: str, size: str) -> None:
    model = parsed(ONE_AXIS_LAYERS[name], WEIGHTS, size)
    changed = rewrite(model, ["canonical"])
    image = np.random.default_rng(SEED).standard_normal((1, 6, 8, 10)).astype(np.float32)
    np.testing.assert_allclose(run(changed, image), run(model, image), rtol=1e-5, atol=1e-5)
    windows = [n for n in changed.graph if n.op_type in ("Conv", "ConvTranspose", "MaxPool")]
    windows += [node for node in changed.graph if node.op_type == "AveragePool"]
    assert windows
    for node in windows:
        source = node.inputs[0]
        assert source is not None
        assert source.shape is not None
        assert len(source.shape) == 4


def test_a_tap_comes_before_the_pixels_are_laid_in_a_row() -> None:
    changed = rewrite(parsed(ONE_AXIS_LAYERS["one tap"], WEIGHTS, "8,10"), ["canonical"])
    assert [node.op_type for node in changed.graph] == ["Conv", "Reshape"]
