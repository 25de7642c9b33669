"""Values that are copies of each other share a scale."""

from __future__ import annotations

import numpy as np
from onnx import helper

from edge_imgq.quantize.quantize import quantize
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import model, weights
from tests.quantize.build import CONTRACT, conv, photo


def test_tiles_have_the_scale_of_what_they_copy() -> None:
    generator = np.random.default_rng(4)
    nodes = [
        conv("image", "w0", "a"),
        helper.make_node("Tile", ["a", "twice"], ["b"]),
        helper.make_node("Clip", ["a", "low", "high"], ["c"]),
        conv("b", "w1", "d"),
        helper.make_node("MaxPool", ["d"], ["e"], kernel_shape=[2, 1], strides=[2, 1]),
        helper.make_node("Add", ["e", "c"], ["out"]),
    ]
    constants = {
        "w0": weights(generator, 3, 3, 3, 3),
        "w1": weights(generator, 3, 3, 3, 3),
        "twice": np.array([1, 1, 2, 1]),
        "low": np.float32(0),
        "high": np.float32(0.3),
    }
    recipe = QuantizeRecipe("int8", "", "min-max", ())
    quantized = quantize(model(nodes, constants), recipe, CONTRACT, [photo(1), photo(2)])
    (tile,) = (node for node in quantized.graph if node.op_type == "Tile")
    before, (after,) = tile.inputs[0].producer(), tile.outputs[0].consumers()
    scales = [node.inputs[1].const_value.numpy() for node in (before, after)]
    assert scales[0] == scales[1]
