"""The estimate counts every conversion that a file holds."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from edge_imgq.quantize.layer_time import CONVERSION, layer_times

from ..graph.build import model, weights

PIXELS = 6 * 8


@pytest.mark.parametrize(
    ("kind", "names", "elements"),
    [
        ("Sigmoid", (), 0),
        ("Gelu", (), 2 * 5),
        ("Gelu", ("first",), 3 + 2 * 5 + 5),
        ("Gelu", ("first", "last"), 3 + 3),
        ("Sigmoid", ("first", "last"), 3 + 3),
    ],
)
def test_conversions_around_operators_in_float_count(
    kind: str, names: tuple[str, ...], elements: int
) -> None:
    generator = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["image", "a"], ["x"], "first"),
        helper.make_node(kind, ["x"], ["y"], "middle"),
        helper.make_node("Conv", ["y", "b"], ["out"], "last"),
    ]
    constants = {"a": weights(generator, 5, 3, 1, 1), "b": weights(generator, 3, 5, 1, 1)}
    graph = model(nodes, constants, size=(6, 8)).graph
    assert layer_times(graph, names)[""] == CONVERSION * PIXELS * elements
