"""Photographs, a loud channel, and how near an int8 graph is to a float one."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.contract import ImageContract
from edge_imgq.images.layout import to_nchw
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import run
from tests.quantize.smooth_photo import photo

PHOTOS = [photo(seed) for seed in range(3)]
CONTRACT = ImageContract("image-to-image", 1, "rgb")
PADS = "<pads = [1, 1, 1, 1]>"
LOUD = np.float32([30, 1, 1, 1, 1, 1, 1, 1]).reshape(8, 1, 1, 1)
"""Gains of channels whose readers undo them: one of eight is loud."""


def recipe(equalization: str) -> QuantizeRecipe:
    return QuantizeRecipe("test", "", "min-max", ("canonical",), equalization=equalization)


def fidelity(quantized: ir.Model, graph: ir.Model) -> float:
    image = to_nchw(photo(50), 1.0)
    error = run(quantized, image, exact=True).clip(0, 1) - run(graph, image).clip(0, 1)
    return float(-10 * np.log10(np.mean(error**2)))
