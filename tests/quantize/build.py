"""Networks, photographs and recipes that the tests of the quantizer share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import model, weights


def photo(seed: int = 0, size: tuple[int, int] = (24, 20)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)


def as_input(pixels: np.ndarray) -> np.ndarray:
    return (pixels.transpose(2, 0, 1)[None] / np.float32(255)).astype(np.float32)


def conv(source: str, weight: str, target: str, *bias: str):
    return helper.make_node("Conv", [source, weight, *bias], [target], pads=[1] * 4)


def residual_network() -> ir.Model:
    """Two residual blocks with a PReLU, and the image added at the end."""
    generator = np.random.default_rng(6)
    nodes = [
        conv("image", "w0", "a"),
        helper.make_node("PRelu", ["a", "slope"], ["b"]),
        conv("b", "w1", "c", "bias"),
        helper.make_node("Relu", ["c"], ["d"]),
        conv("d", "w2", "e"),
        helper.make_node("Add", ["c", "e"], ["f"]),
        conv("f", "w3", "g"),
        helper.make_node("Add", ["image", "g"], ["out"]),
    ]
    constants = {
        "w0": weights(generator, 8, 3, 3, 3),
        "w1": weights(generator, 8, 8, 3, 3),
        "bias": weights(generator, 8),
        "w2": weights(generator, 8, 8, 3, 3),
        "w3": 0.1 * weights(generator, 3, 8, 3, 3),
        "slope": generator.uniform(-0.5, 1.5, (8, 1, 1)).astype(np.float32),
    }
    return model(nodes, constants)


CHECKOUT = Path(__file__).parents[2]


CONTRACT = ImageContract("image-to-image", 1, "rgb")


RECIPE = QuantizeRecipe("int8", "", "min-max", ("sub-pixel", "crd-to-dcr", "sign-split"))


def quantizers(quantized: ir.Model) -> dict[str, tuple[float, int]]:
    """Return scale and zero point of every quantized value, by the value's name."""
    return {
        node.inputs[0].name: (
            float(node.inputs[1].const_value.numpy()),
            int(node.inputs[2].const_value.numpy()),
        )
        for node in quantized.graph
        if node.op_type == "QuantizeLinear"
    }


DEEP = """
import resource
import numpy as np
from onnx import helper
from edge_imgq.quantize.calibration.calibrate import observe_channels
from tests.graph.build import model

def peak_of(depth):
    names = ["image", *(f"v{i}" for i in range(depth - 1)), "out"]
    nodes = [helper.make_node("Sigmoid", [a], [b]) for a, b in zip(names, names[1:])]
    network = model(nodes, {})
    observe_channels(network, [np.zeros((512, 512, 3), np.uint8)], 1.0, closely=True)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

few = peak_of(3)
print(peak_of(64) - few)
"""
