"""The whole of quantization, with ONNX Runtime as the witness of what the QDQ model computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir

from edge_imgq.contract import ImageContract
from edge_imgq.quantize.quantize import quantize
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.quantize.build import as_input, photo, residual_network

from ..graph.build import run

CHECKOUT = Path(__file__).parents[2]
CONTRACT = ImageContract("image-to-image", 1, "rgb")
RECIPE = QuantizeRecipe("int8", "", "min-max", ("sub-pixel", "crd-to-dcr", "sign-split"))


def test_the_qdq_model_is_valid_and_stays_close_to_the_float_model() -> None:
    original = residual_network()
    quantized = quantize(original, RECIPE, CONTRACT, [photo(seed) for seed in range(4)])
    onnx.checker.check_model(ir.to_proto(quantized), full_check=True)
    image = as_input(photo(9))
    difference = run(quantized, image, exact=True) - run(original, image).clip(0, 1)
    assert 20 * np.log10(1 / np.sqrt(np.mean(difference**2))) > 40


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
