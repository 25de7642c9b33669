"""Scales with the zero point 0: which tensors get them, and that they reach as far."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.contract import ImageContract
from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.quantize.quantize import quantize
from edge_imgq.quantize.ranges.ranges import Range, asymmetric, bounds
from edge_imgq.quantize.scales.symmetric import symmetric
from edge_imgq.recipe.folders import quantize_recipe
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.export.tflite.witness import network_of
from tests.quantize.build import photo
from tests.quantize.mixed_precision.build import network

CONTRACT = ImageContract("image-to-image", 1, "rgb")


@pytest.mark.parametrize(("low", "high"), [(-3.0, 1.0), (0.0, 2.5), (-0.25, 0.75), (-4.0, 0.0)])
def test_the_integers_from_minus_127_to_127_reach_as_far(low: float, high: float) -> None:
    given = asymmetric(Range(low, high))
    found = symmetric(given)
    reach = max(-bounds(given).low, bounds(given).high)
    assert found.zero_point.tolist() == [0]
    assert float(found.scale[0]) * 127 == pytest.approx(reach, rel=1e-6)


@pytest.mark.usefixtures("small_patches")
def test_all_but_the_image_get_the_zero_point_0() -> None:
    recipe = QuantizeRecipe("s", "", "min-max", ("canonical",), scales="symmetric")
    photos = [photo(seed, (48, 48)) for seed in range(4)]
    model = bind_size(quantize(network(), recipe, CONTRACT, photos), (24, 20))
    view = network_of(ir.to_proto(model))
    ends = (*view.inputs, *view.outputs)
    for tensor in ends:
        assert tensor.quantization is not None
        assert (tensor.quantization.zero_point[0], tensor.quantization.scale[0]) == (
            -128, np.float32(1 / 255)
        )  # fmt: skip
    computed = [t for op in view.operations for t in op.outputs if t.quantization is not None]
    inner = [t for t in computed if t.quantization.scale[0] != np.float32(1 / 255)]
    assert len(inner) >= 2
    assert all(t.quantization.zero_point[0] == 0 for t in inner)


def test_the_recipe_for_ncnn_asks_for_it() -> None:
    assert quantize_recipe("int8-symmetric").scales == "symmetric"
