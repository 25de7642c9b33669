"""Operators whose output range is fixed get its scale."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.quantize.quantize import quantize
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import model, weights
from tests.quantize.build import conv, photo

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


@pytest.mark.parametrize(
    ("kind", "scale", "zero"), [("Tanh", 1 / 128, 0), ("Sigmoid", 1 / 256, -128)]
)
def test_outputs_with_a_fixed_range_get_it(kind: str, scale: float, zero: int) -> None:
    nodes = [helper.make_node(kind, ["image"], ["a"]), conv("a", "w", "out")]
    constants = {"w": weights(np.random.default_rng(1), 3, 3, 3, 3)}
    scales = quantizers(quantize(model(nodes, constants), RECIPE, CONTRACT, [photo()]))
    assert scales["a"] == (scale, zero)
