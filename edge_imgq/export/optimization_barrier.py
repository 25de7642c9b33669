"""An operator that keeps ONNX Runtime's optimisations from looking through a value.

A Max with the lowest float changes no value, and no optimisation removes it. ONNX Runtime does
remove an Identity, and a Relu or Clip in front of a QuantizeLinear that saturates as early.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

LOWEST = "lowest_float"
"""Name of the constant that the Max operators of a graph share."""


def insert_barrier(graph: onnx.GraphProto, node: onnx.NodeProto) -> None:
    """Insert a Max with the lowest float32 in front of a node's first input, in place.

    The value is a float32 tensor. The result of the graph is unchanged, exactly.
    """
    if all(tensor.name != LOWEST for tensor in graph.initializer):
        lowest = np.float32(np.finfo(np.float32).min)
        graph.initializer.append(numpy_helper.from_array(lowest, LOWEST))
    kept = f"{node.output[0]}.exact"
    barrier = helper.make_node("Max", [node.input[0], LOWEST], [kept], name=kept)
    graph.node.insert(list(graph.node).index(node), barrier)
    node.input[0] = kept
