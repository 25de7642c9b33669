"""The estimate counts every conversion that a file holds, and what stands between layers."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from onnx import helper

from edge_imgq.quantize.layer_time import CONVERSION, ELEMENT, float_time, layer_times

from ..graph.build import model, weights

PIXELS = 6 * 8


def network(kind: str) -> ir.Graph:
    """Return two convolutions with an operator between them, 5 channels."""
    generator = np.random.default_rng(0)
    operands = ["x", "x"] if kind in ("Div", "Mul") else ["x"]
    nodes = [
        helper.make_node("Conv", ["image", "a"], ["x"], "first"),
        helper.make_node(kind, operands, ["y"], "middle"),
        helper.make_node("Conv", ["y", "b"], ["out"], "last"),
    ]
    constants = {"a": weights(generator, 5, 3, 1, 1), "b": weights(generator, 3, 5, 1, 1)}
    return model(nodes, constants, size=(6, 8)).graph


@pytest.mark.parametrize(
    ("kind", "names", "converted"),
    [
        ("Sigmoid", (), 0),
        ("Gelu", (), 0),
        ("Div", (), 2 * 5),
        ("Div", ("first",), 3 + 2 * 5 + 5),
        ("Div", ("first", "last"), 3 + 3),
        ("Sigmoid", ("first", "last"), 3 + 3),
    ],
)
def test_conversions_around_operators_in_float_count(
    kind: str, names: tuple[str, ...], converted: int
) -> None:
    assert layer_times(network(kind), names)[""] == CONVERSION * PIXELS * converted


def test_operators_without_weights_count_in_either_arithmetic() -> None:
    for kind, operands in (("Sigmoid", "unary"), ("Gelu", "unary"), ("Mul", "binary")):
        graph, both = network(kind), ("first", "last")
        int8, in_float = (5 * PIXELS * ELEMENT[kept][operands] for kept in ("int8", "float"))
        assert layer_times(graph, ())["middle"] == int8
        assert layer_times(graph, both)["middle"] == in_float
        assert float_time(graph) - float_time(network("Round")) == in_float
    assert layer_times(network("Div"), ())["middle"] == 5 * PIXELS * ELEMENT["float"]["binary"]
