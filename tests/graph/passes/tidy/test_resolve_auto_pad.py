"""Padding that no size decides is stated in numbers."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.graph.convolution import (
    convolution_of,
)
from edge_imgq.graph.passes.tidy.resolve_auto_pad import resolve_auto_pad
from tests.graph.build import parsed, run, weights
from tests.graph.passes.build import IMAGE

GENERATOR = np.random.default_rng(3)


CONSTANTS: dict[str, Any] = {
    "odd": weights(GENERATOR, 4, 6, 3, 5),
    "even": weights(GENERATOR, 4, 6, 2, 4),
    "back": weights(GENERATOR, 6, 4, 3, 4),
    "b": weights(GENERATOR, 4),
}


AUTOMATIC = ("SAME_UPPER", "SAME_LOWER", "VALID")


KNOWN = [
    *(f'Conv<auto_pad="{auto}">(image, {weight}, b)'
      for auto, weight in itertools.product(AUTOMATIC, ("odd", "even"))),
    'Conv<auto_pad="VALID", dilations=[2,1]>(image, odd, b)',
    *(f'ConvTranspose<auto_pad="{auto}", strides=[{s},2]>(image, back, b)'
      for auto, s in itertools.product(AUTOMATIC, (1, 2))),
    *(f'{kind}<auto_pad="{auto}", kernel_shape=[3,2]>(image)'
      for kind, auto in itertools.product(("MaxPool", "AveragePool"), AUTOMATIC)),
]  # fmt: skip


OF_A_SIZE = [
    'Conv<auto_pad="SAME_UPPER", strides=[2,2]>(image, odd, b)',
    'MaxPool<auto_pad="SAME_LOWER", kernel_shape=[3,3], strides=[2,2]>(image)',
    'ConvTranspose<auto_pad="SAME_UPPER", strides=[5,5]>(image, back, b)',  # the kernel is smaller
]


def model(expression: str, size: str = "9,10") -> ir.Model:
    used = {name: value for name, value in CONSTANTS.items() if name in expression}
    return parsed(f"out = {expression}", used, size)


def only(graph: ir.Model) -> ir.Node:
    (node,) = graph.graph
    return node


@pytest.mark.parametrize("expression", KNOWN)
def test_stated_padding_is_what_onnx_runtime_works_out(expression: str) -> None:
    graph = model(expression, "h,w")
    wanted = run(graph, IMAGE)
    assert resolve_auto_pad(graph) == 1
    assert "auto_pad" not in only(graph).attributes
    np.testing.assert_allclose(run(graph, IMAGE), wanted, atol=1e-5)


@pytest.mark.parametrize("expression", OF_A_SIZE)
def test_padding_that_a_size_decides_stays(expression: str) -> None:
    graph = model(expression)
    assert resolve_auto_pad(graph) == 0
    assert "auto_pad" in only(graph).attributes
    found = convolution_of(only(graph))
    assert found is None or found.pads is None
