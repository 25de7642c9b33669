"""Rewrite constant gathers of consecutive indices as slices.

Exporters write strided views, single channels and flattened means as Gather with a table of
indices. If the flattened table counts up by one, Gather is a Slice along the axis, followed by a
Squeeze if the table is a scalar, and by a Reshape if it has several axes. If it covers the whole
axis, the Slice is omitted.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit


def gather_to_slice(model: ir.Model) -> int:
    """Rewrite each Gather of consecutive constant indices from floats as a Slice; bit-exact.

    The Slice has step 1, along the Gather's axis, whose length must be known; it is left out if it
    would keep the whole axis. A Squeeze follows if the table of indices is a scalar, a Reshape if
    it has several axes.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    nodes = [node for node in model.graph if node.op_type == "Gather"]
    return sum(_rewrite(model.graph, node) for node in nodes)


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    source, table = node.inputs
    result = node.outputs[0]
    if source is None or source.shape is None or not edit.is_constant(table):
        return False
    if source.dtype is not ir.DataType.FLOAT:
        return False
    axis = node.attributes.get_int("axis", 0) % len(source.shape)
    length = source.shape[axis]
    if edit.is_constant(source) or not isinstance(length, int) or result.shape is None:
        return False
    indices = edit.contents(table)
    flat = indices.reshape(-1) % length
    if not np.array_equal(flat, np.arange(flat[0], flat[0] + flat.size)):
        return False
    selected = source
    if flat.size != length:
        ends = {axis: (int(flat[0]), int(flat[-1]) + 1)}
        selected = edit.insert_slice(graph, node, source, ends, f"{node.name}.part")
        selected.shape = ir.Shape([*source.shape[:axis], flat.size, *source.shape[axis + 1 :]])
    if indices.ndim == 0:
        axes = edit.add_constant(graph, f"{node.name}.axes", np.array([axis], np.int64))
        selected = edit.insert_node(
            graph, node, "Squeeze", [selected, axes], {}, f"{node.name}.squeezed"
        )
        selected.shape = result.shape
    elif indices.ndim != 1:
        if not result.shape.is_static():
            return False
        lengths = result.shape.numpy()
        selected = edit.insert_reshape(graph, node, selected, lengths, f"{node.name}.shaped")
    if selected is source and result.is_graph_output():
        return False
    edit.replace_value(result, selected)
    edit.remove_node(node)
    return True
