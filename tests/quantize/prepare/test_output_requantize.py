"""The last operator may have levels of its own before those of pixels."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.quantize.quantize import quantize
from tests.graph.build import model, run, weights
from tests.quantize.build import CONTRACT, RECIPE, as_input, conv, photo, quantizers


@pytest.mark.parametrize("last", ["Clip", "Relu"])
def test_clipping_at_the_end_needs_no_scale_of_its_own(last: str) -> None:
    nodes = [
        conv("image", "w", "a"),
        helper.make_node("DepthToSpace", ["a"], ["b"], blocksize=2),
        helper.make_node(last, ["b", "low", "high"] if last == "Clip" else ["b"], ["out"]),
    ]
    constants = {
        "w": weights(np.random.default_rng(1), 12, 3, 3, 3),
        "low": np.float32(0),
        "high": np.float32(1),
    }
    contract = ImageContract("super-resolution", 2, "rgb")
    network = model(nodes, constants)
    quantized = quantize(network, RECIPE, contract, [photo()])
    scales = quantizers(quantized)
    assert len(set(scales.values())) == 1, scales
    image = as_input(photo(5))
    assert np.abs(run(quantized, image, exact=True) - run(network, image).clip(0, 1)).max() < 0.02


def test_a_sigmoid_at_the_end_rounds_to_its_own_levels_and_then_to_pixels() -> None:
    nodes = [conv("image", "w", "a"), helper.make_node("Sigmoid", ["a"], ["out"])]
    constants = {"w": weights(np.random.default_rng(1), 3, 3, 3, 3)}
    quantized = quantize(model(nodes, constants), RECIPE, CONTRACT, [photo()])
    assert quantized.graph.outputs[0].name == "out"
    steps = [
        float(node.inputs[1].const_value.numpy())
        for node in quantized.graph
        if node.op_type == "QuantizeLinear"
    ]
    assert 1 / 256 in steps
    image = as_input(photo(5))
    got = np.rint(run(quantized, image, exact=True) * 255)
    np.testing.assert_allclose(got, run(quantized, image, exact=True) * 255, atol=1e-3)
