"""A stack of layers to count the cost of."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from onnx import helper

from tests.graph.build import model, weights


def stack(width: int) -> ir.Model:
    generator = np.random.default_rng(width)
    nodes = [
        helper.make_node("Conv", ["image", "a"], ["x0"], "first", pads=[1] * 4),
        helper.make_node("PRelu", ["x0", "slope"], ["y0"], "bend"),
        helper.make_node("Conv", ["y0", "b"], ["x1"], "second", pads=[1] * 4),
        helper.make_node("Relu", ["x1"], ["y1"], "cut"),
        helper.make_node("Conv", ["y1", "b"], ["x2"], "third", pads=[1] * 4),
        helper.make_node("Conv", ["x2", "b"], ["x3"], "fourth", pads=[1] * 4),
        helper.make_node("Conv", ["x3", "c"], ["out"], "last", pads=[1] * 4),
    ]
    constants = {
        "a": weights(generator, width, 3, 3, 3),
        "b": weights(generator, width, width, 3, 3),
        "c": weights(generator, 3, width, 3, 3),
        "slope": generator.uniform(-0.2, 0.6, (width, 1, 1)).astype(np.float32),
    }
    return model(nodes, constants, channels=3)
