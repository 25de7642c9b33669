"""Merge axes that a transposition of many axes moves together.

Window attention reshapes an image to (N, H/w, w, W/w, w, C) and swaps the third and fourth axes.
Axes that are neighbours before and after, and axes of length 1, count as one axis:

    Transpose(x, 0 1 3 2 4 5) = Reshape back (Transpose(Reshape(x, (N·H/w, w, W/w, w·C)), 0 2 1 3)).

The reshapes merge with the surrounding ones (`edge_imgq.graph.passes.tidy.merge_reshapes`). Core ML
tensors have at most five axes, XNNPACK's six.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit

MAX_AXES, MAX_XNNPACK_AXES = 5, 6
"""Largest rank of a tensor in Core ML, and in XNNPACK."""

Axes = list[list[int]]


def merge_transpose_axes(model: ir.Model) -> int:
    """Merge axes that stay neighbours in each Transpose of more than five axes; bit-exact.

    It becomes Reshape, a Transpose of at most six axes, and Reshape to the old result's shape. Axes
    of length 1 are merged too. Nodes that would keep more than six axes are left unchanged; static
    shapes only.

    Args:
        model: edited in place.

    Returns:
        The number of transpositions rewritten.
    """
    nodes = [node for node in model.graph if node.op_type == "Transpose"]
    return sum(_rewrite(model.graph, node) for node in nodes)


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    source, result = node.inputs[0], node.outputs[0]
    if source is None or source.shape is None or not source.shape.is_static():
        return False
    lengths = list(source.shape.numpy())
    order = list(node.attributes.get_ints("perm", list(range(len(lengths)))[::-1]))
    merged = _merged(lengths, order)
    if len(lengths) <= MAX_AXES or len(merged) > MAX_XNNPACK_AXES or len(merged) == len(lengths):
        return False
    starts = sorted(group[0] for group in merged)
    sizes = {group[0]: int(np.prod([lengths[axis] for axis in group])) for group in merged}
    flat = edit.insert_reshape(
        graph, node, source, [sizes[start] for start in starts], f"{node.name}.merged"
    )
    moved = [starts.index(group[0]) for group in merged]
    turned = edit.insert_node(graph, node, "Transpose", [flat], {"perm": moved}, f"{node.name}.few")
    turned.shape = ir.Shape([sizes[group[0]] for group in merged])
    whole = edit.insert_reshape(
        graph, node, turned, [lengths[axis] for axis in order], f"{node.name}.parted"
    )
    edit.replace_value(result, whole)
    edit.remove_node(node)
    return True


def _merged(lengths: list[int], order: list[int]) -> Axes:
    """Return the axes in transposed order, grouped by axes that move together.

    Four groups are split into five axes where one holds several: lowerings treat tensors of rank 4
    as images and would change their layout.
    """
    groups: Axes = []
    for axis in order:
        if lengths[axis] == 1:
            continue
        if groups and _follows(groups[-1][-1], axis, lengths):
            groups[-1].append(axis)
        else:
            groups.append([axis])
    if len(groups) == MAX_AXES - 1:
        index = next((index for index, group in enumerate(groups) if len(group) > 1), None)
        if index is not None:
            group = groups[index]
            groups[index : index + 1] = [group[:1], group[1:]]
    return groups


def _follows(one: int, other: int, lengths: list[int]) -> bool:
    """Return True if only axes of length 1 lie between two increasing axes."""
    return other > one and all(lengths[axis] == 1 for axis in range(one + 1, other))
