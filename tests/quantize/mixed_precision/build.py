"""A network whose layers tests put in float, and its recipe."""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.contract import ImageContract
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.quantize.build import residual_network

CONTRACT = ImageContract("image-to-image", 1, "rgb")


PASSES = ("canonical", "sign-split")


LAYERS = ("first", "second", "third", "fourth")


def network() -> ir.Model:
    """Return the network with the residual blocks, its convolutions named."""
    found = residual_network()
    convolutions = [node for node in found.graph if node.op_type == "Conv"]
    for name, node in zip(LAYERS, convolutions, strict=True):
        node.name = name
    return found


def recipe(rounding: str = "nearest", **precision: str) -> QuantizeRecipe:
    corrections = () if rounding == "nearest" else ("channels",)
    equalization = "none" if rounding == "nearest" else "image"
    return QuantizeRecipe(
        "mixed", "", "min-max", PASSES, rounding, corrections, equalization, precision=precision
    )
