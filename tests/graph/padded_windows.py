"""Windows whose padding `auto_pad` says."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import onnx_ir as ir

from tests.graph.build import parsed, weights

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
