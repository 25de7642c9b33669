"""Operators whose output range is fixed get its scale."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from edge_imgq.quantize.quantize import quantize
from tests.graph.build import model, weights
from tests.quantize.build import CONTRACT, RECIPE, conv, photo, quantizers


@pytest.mark.parametrize(
    ("kind", "scale", "zero"), [("Tanh", 1 / 128, 0), ("Sigmoid", 1 / 256, -128)]
)
def test_outputs_with_a_fixed_range_get_it(kind: str, scale: float, zero: int) -> None:
    nodes = [helper.make_node(kind, ["image"], ["a"]), conv("a", "w", "out")]
    constants = {"w": weights(np.random.default_rng(1), 3, 3, 3, 3)}
    scales = quantizers(quantize(model(nodes, constants), RECIPE, CONTRACT, [photo()]))
    assert scales["a"] == (scale, zero)
