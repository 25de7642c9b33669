"""A network that fine-tuning improves."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.quantize.quantize import quantize
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import model, weights
from tests.quantize.smooth_photo import photo

CONTRACT = ImageContract("image-to-image", 1, "rgb")


PLAIN = QuantizeRecipe("plain", "", "min-max", ())


def network() -> ir.Model:
    generator = np.random.default_rng(8)
    nodes = [
        helper.make_node("Conv", ["image", "w0"], ["a"], name="first", pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w1"], ["out"], name="second", pads=[1] * 4),
    ]
    constants = {
        "w0": weights(generator, 12, 3, 3, 3),
        "w1": 0.5 * np.abs(weights(generator, 3, 12, 3, 3)),
    }
    return model(nodes, constants)


def start() -> tuple[ir.Model, ir.Model]:
    original = network()
    return original, quantize(original, PLAIN, CONTRACT, [photo(seed) for seed in range(6)])
