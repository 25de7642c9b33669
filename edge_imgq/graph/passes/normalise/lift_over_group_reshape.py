"""Move arithmetic with constants out of channel groups.

Between Reshape (N, C, …) → (N, G, C/G, …) and its inverse, or the same channels last, elementwise
operators need no groups. With c a constant of one number per channel, or one number,

    Reshape back (f(Reshape x, c)) = f(x, c per channel).
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.operators import AFFINE


def lift_over_group_reshape(model: ir.Model) -> int:
    """Remove a Reshape to channel groups and its inverse around elementwise arithmetic; bit-exact.

    The Reshape is (N, C, …) → (N, G, C/G, …), or the same with channels last. Between them are Add,
    Sub, Mul and Div with constants, of one number or of one per channel; static shapes only.

    Args:
        model: edited in place.

    Returns:
        The number of pairs of reshapes removed.
    """
    nodes = [node for node in model.graph if node.op_type == "Reshape"]
    return sum(_rewrite(model.graph, node) for node in nodes if node.graph is not None)


def _rewrite(graph: ir.Graph, split: ir.Node) -> bool:
    source, groups = split.inputs[0], split.outputs[0]
    axis = _grouped_axis(source, groups)
    chain, back = _chain(split)
    if source is None or axis is None or not chain or back is None:
        return False
    if back.outputs[0].shape != source.shape:
        return False
    assert groups.shape is not None
    tables = [_ungrouped(node, groups.shape.numpy(), axis) for node in chain]
    if any(table is None for table in tables):
        return False
    for node, table in zip(chain, tables, strict=True):
        index = 0 if edit.is_constant(node.inputs[0]) else 1
        node.replace_input_with(index, edit.add_constant(graph, f"{node.name}.ungrouped", table))
        node.outputs[0].shape = source.shape
    chain[0].replace_input_with(1 if edit.is_constant(chain[0].inputs[0]) else 0, source)
    edit.replace_value(back.outputs[0], chain[-1].outputs[0])
    edit.remove_dead(back)
    edit.remove_dead(split)
    return True


def _chain(split: ir.Node) -> tuple[list[ir.Node], ir.Node | None]:
    """Return the arithmetic with constants after a Reshape, and the Reshape that ends it."""
    chain: list[ir.Node] = []
    node = edit.sole_consumer(split.outputs[0])
    while node is not None and node.op_type in AFFINE:
        if not any(edit.is_constant(value) for value in node.inputs):
            return [], None
        chain.append(node)
        node = edit.sole_consumer(node.outputs[0])
    return chain, node if node is not None and node.op_type == "Reshape" else None


def _grouped_axis(source: ir.Value | None, groups: ir.Value) -> int | None:
    """Return the axis that a Reshape splits in two, or None for any other Reshape."""
    if source is None or source.shape is None or groups.shape is None:
        return None
    if not source.shape.is_static() or not groups.shape.is_static():
        return None
    before, after = source.shape.numpy(), groups.shape.numpy()
    if len(after) != len(before) + 1:
        return None
    for axis, length in enumerate(before):
        joined = after[axis] * after[axis + 1]
        if joined == length and after == (
            *before[:axis],
            *after[axis : axis + 2],
            *before[axis + 1 :],
        ):
            return axis
    return None


def _ungrouped(node: ir.Node, shape: tuple[int, ...], axis: int) -> np.ndarray | None:
    """Return a node's constant in its ungrouped shape, or None if it varies along another axis."""
    array = edit.contents(next(value for value in node.inputs if edit.is_constant(value)))
    if array.size == 1:
        return np.asarray(array.reshape(()))
    whole = array.reshape((1,) * (len(shape) - array.ndim) + array.shape)
    if any(
        length != 1 for index, length in enumerate(whole.shape) if index not in (axis, axis + 1)
    ):
        return None
    lengths = (*whole.shape[:axis], *shape[axis : axis + 2], *whole.shape[axis + 2 :])
    repeated = np.broadcast_to(whole, lengths)
    return repeated.reshape(*whole.shape[:axis], -1, *whole.shape[axis + 2 :])
