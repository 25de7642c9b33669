"""Photographs, a loud channel, and how near an int8 graph is to a float one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx_ir as ir

from edge_imgq.contract import ImageContract
from edge_imgq.graph.prepared import prepared_graph
from edge_imgq.images.layout import to_nchw
from edge_imgq.kernels.times import ConvolutionTime
from edge_imgq.kernels.x86 import X86_VNNI
from edge_imgq.quantize.prepare.float_operators import OperatorGroup
from edge_imgq.quantize.quantize import quantize_prepared
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import run
from tests.quantize.smooth_photo import photo

PHOTOS = [photo(seed) for seed in range(3)]
CONTRACT = ImageContract("image-to-image", 1, "rgb")
PADS = "<pads = [1, 1, 1, 1]>"
LOUD = np.float32([30, 1, 1, 1, 1, 1, 1, 1]).reshape(8, 1, 1, 1)
"""Gains of channels whose readers undo them: one of eight is loud."""

SLOW = replace(X86_VNNI.times.float32, convolution=ConvolutionTime(0.0, 1000.0, 10.0))
SLOW_IN_FLOAT = replace(X86_VNNI, times=replace(X86_VNNI.times, float32=SLOW))
"""A processor whose float convolutions take long, so that few operators in float are quick."""


def recipe(equalization: str) -> QuantizeRecipe:
    return QuantizeRecipe("test", "", "min-max", ("canonical",), equalization=equalization)


def quantized_where_float_is_slow(
    graph: ir.Model, groups: Sequence[OperatorGroup] | None = None
) -> ir.Model:
    """Return the int8 graph; operators of `groups`, by default all, may be in float."""
    prepared = prepared_graph(graph, ("canonical",), kernels=SLOW_IN_FLOAT)
    images = iter(PHOTOS)
    return quantize_prepared(prepared, recipe("image"), CONTRACT, images, float_groups=groups).model


def fidelity(quantized: ir.Model, graph: ir.Model) -> float:
    image = to_nchw(photo(50), 1.0)
    error = run(quantized, image, exact=True).clip(0, 1) - run(graph, image).clip(0, 1)
    return float(-10 * np.log10(np.mean(error**2)))
