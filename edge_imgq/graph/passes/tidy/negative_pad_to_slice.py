"""Rewrite negative padding as a Slice.

Pad with p < 0 on a side removes −p rows there. Sides with p > 0 are padded after the Slice.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit

FARTHEST = 2**31 - 1


def negative_pad_to_slice(model: ir.Model) -> int:
    """Rewrite each constant-mode Pad that has a negative amount as a Slice and a Pad; bit-exact.

    A side with p < 0 loses −p rows by the Slice; the Pad keeps the positive amounts, and is left
    out without any. Pads that are computed or given with an `axes` input stay unchanged.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    nodes = [node for node in model.graph if node.op_type == "Pad"]
    return sum(_rewrite(model.graph, node) for node in nodes)


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    source, pads = node.inputs[:2]
    has_axes = len(node.inputs) > 3 and node.inputs[3] is not None
    if source is None or not edit.is_constant(pads) or has_axes:
        return False
    table = edit.contents(pads).reshape(2, -1)
    if table.min() >= 0 or node.attributes.get_string("mode", "constant") != "constant":
        return False
    cut = np.maximum(-table, 0)
    axes = np.flatnonzero(cut.any(axis=0))
    ends = {int(a): (int(cut[0, a]), -int(cut[1, a]) or FARTHEST) for a in axes}
    cropped = edit.insert_slice(graph, node, source, ends, f"{node.name}.part")
    if source.shape is not None:
        taken = cut.sum(axis=0)
        cropped.shape = ir.Shape(
            [
                side - int(less) if isinstance(side, int) else None if less else side
                for side, less in zip(source.shape, taken, strict=True)
            ]
        )
    rest = np.maximum(table, 0)
    if rest.any():
        node.replace_input_with(0, cropped)
        padding = edit.add_constant(graph, f"{node.name}.pads", rest.reshape(-1))
        node.replace_input_with(1, padding)
        return True
    cropped.shape = node.outputs[0].shape
    edit.replace_value(node.outputs[0], cropped)
    edit.remove_node(node)
    return True
