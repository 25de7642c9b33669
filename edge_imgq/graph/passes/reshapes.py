"""Reshapes that follow each other, as one, or as none where the shape is what it was.

    Reshape(Reshape(x, s), t) = Reshape(x, t),

for Flatten, Squeeze and Unsqueeze alike: all of them keep the numbers in their order.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.arithmetic import is_marked

KINDS = frozenset({"Flatten", "Reshape", "Squeeze", "Unsqueeze"})


def reshapes(model: ir.Model) -> int:
    """Merge reshapes whose shapes are known; exact.

    Returns:
        The number of nodes merged.
    """
    nodes = [node for node in model.graph if node.op_type in KINDS]
    return sum(_merge(model.graph, node) for node in nodes)


def _merge(graph: ir.Graph, node: ir.Node) -> bool:
    middle, result = node.inputs[0], node.outputs[0]
    first = middle.producer() if middle is not None else None
    if first is None or first.op_type not in KINDS or is_marked(node) or is_marked(first):
        return False
    source = first.inputs[0]
    if source is None or source.shape is None or result.shape is None:
        return False
    if tuple(source.shape) == tuple(result.shape) and _is_known(source.shape):
        if result.is_graph_output() and (source.producer() is None or source.is_graph_output()):
            return False
        merged = source
    elif result.shape.is_static():
        name = f"{node.name}.whole"
        shape = edit.add_constant(graph, f"{name}.shape", np.array(result.shape.numpy(), np.int64))
        merged = edit.insert_node(graph, node, "Reshape", [source, shape], {}, name)
        merged.shape, merged.type = result.shape, result.type
    else:
        return False
    edit.take_place(result, merged)
    edit.remove_dead(node)
    return True


def _is_known(shape: ir.Shape) -> bool:
    """Whether every length is a number or has a name of its own."""
    lengths = [length if isinstance(length, int) else length.value for length in shape]
    return None not in lengths
