"""An operator that keeps ONNX Runtime's optimisations from looking through a value.

A Max with a number that no element is below changes no value, and no optimisation removes it. ONNX
Runtime does remove an Identity, and a Relu or Clip in front of a QuantizeLinear that saturates as
early.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

LOWEST = "lowest_float"
"""Name of the constant that the Max operators of a graph share."""


def insert_barrier(
    graph: onnx.GraphProto, node: onnx.NodeProto, bound: str = LOWEST, name: str = ""
) -> None:
    """Insert a Max with a lower bound in front of a node's first input, in place.

    The result of the graph is unchanged, exactly.

    Args:
        graph: graph of the node.
        node: node whose first input is a float32 tensor.
        bound: name of a float32 scalar that no element of that tensor is below; by default the
            lowest float32, which is added to the graph where it is missing.
        name: name of the Max and of its output; by default that of the node's output and `.exact`.
    """
    if bound == LOWEST and all(tensor.name != LOWEST for tensor in graph.initializer):
        lowest = np.float32(np.finfo(np.float32).min)
        graph.initializer.append(numpy_helper.from_array(lowest, LOWEST))
    name = name or f"{node.output[0]}.exact"
    barrier = helper.make_node("Max", [node.input[0], bound], [name], name=name)
    graph.node.insert(list(graph.node).index(node), barrier)
    node.input[0] = name
