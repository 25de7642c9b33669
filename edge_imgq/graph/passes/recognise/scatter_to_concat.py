"""Rewrite a ScatterND that writes a box, as exporters write `y[:, :3] = z`.

The indices are all positions of a box, in row-major order. Splitting the tensor before and after
the box along each axis that the box does not fill,

    ScatterND(y, indices of the box, z) = Concat(y before, Concat(… z …), y after).
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit

Box = dict[int, tuple[int, int]]


def scatter_to_concat(model: ir.Model) -> int:
    """Rewrite a ScatterND that overwrites a box, such as `y[:, :3] = z`; bit-exact.

    It becomes a Concat, along each axis that the box does not fill, of the parts of the float
    tensor before it, the new values and the parts after it. Indices must be constant and in
    row-major order, the tensor's shape static; a ScatterND with a reduction is left unchanged.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    return sum(_rewrite(model.graph, node) for node in list(model.graph))


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    if node.op_type != "ScatterND" or node.attributes.get_string("reduction", "none") != "none":
        return False
    target, indices, block = node.inputs
    if target is None or block is None or target.shape is None or not target.shape.is_static():
        return False
    if target.dtype is not ir.DataType.FLOAT or not edit.is_constant(indices):
        return False
    lengths = [int(length) for length in target.shape.numpy()]
    box = _box(edit.contents(indices), lengths)
    if box is None:
        return False
    partial = {axis: ends for axis, ends in box.items() if ends != (0, lengths[axis])}
    shape = [end - start for start, end in box.values()]
    shape += lengths[len(shape) :]
    if block.shape is None or list(block.shape) != shape:
        block = edit.insert_reshape(graph, node, block, shape, f"{node.name}.block")
    result = _written(graph, node, target, block, partial)
    result.shape = node.outputs[0].shape
    edit.replace_value(node.outputs[0], result)
    edit.remove_node(node)
    return True


def _box(indices: np.ndarray, lengths: list[int]) -> Box | None:
    """Return start and end by axis of the box that the indices enumerate in order, or None."""
    axes = indices.shape[-1]
    corners = indices.reshape(-1, axes).astype(np.int64)
    if not corners.size or len(corners) > np.prod(lengths[:axes]):
        return None
    corners = np.where(corners < 0, corners + np.array(lengths[:axes]), corners)
    starts, ends = corners[0], corners[-1] + 1
    sizes = ends - starts
    if (sizes < 1).any() or np.prod(sizes) != len(corners):
        return None
    grid = np.indices(sizes).reshape(axes, -1).T + starts
    if not np.array_equal(grid, corners):
        return None
    return {axis: (int(starts[axis]), int(ends[axis])) for axis in range(axes)}


def _written(
    graph: ir.Graph, node: ir.Node, target: ir.Value, block: ir.Value, partial: Box
) -> ir.Value:
    """Return a tensor with a block written into it.

    Args:
        graph: edited in place.
        node: node before which to insert.
        target: tensor that is written to.
        block: values of the box.
        partial: start and end of the axes that the block does not fill.
    """
    if not partial:
        return block
    (axis, (start, end)), *rest = partial.items()
    assert target.shape is not None
    length = int(target.shape.numpy()[axis])
    inner = _cut(graph, node, target, axis, (start, end)) if rest else target
    pieces = [_written(graph, node, inner, block, dict(rest))]
    if start:
        pieces.insert(0, _cut(graph, node, target, axis, (0, start)))
    if end < length:
        pieces.append(_cut(graph, node, target, axis, (end, length)))
    joined = edit.insert_node(graph, node, "Concat", pieces, {"axis": axis}, f"{node.name}.joined")
    joined.shape = target.shape
    return joined


def _cut(
    graph: ir.Graph, node: ir.Node, target: ir.Value, axis: int, ends: tuple[int, int]
) -> ir.Value:
    """Return a range of a tensor along one axis, as a constant if the tensor is one."""
    name = f"{node.name}.part"
    if edit.is_constant(target):
        window = [slice(None)] * axis + [slice(*ends)]
        return edit.add_constant(graph, name, edit.contents(target)[tuple(window)])
    piece = edit.insert_slice(graph, node, target, {axis: ends}, name)
    assert target.shape is not None
    lengths = [int(length) for length in target.shape.numpy()]
    piece.shape = ir.Shape([*lengths[:axis], ends[1] - ends[0], *lengths[axis + 1 :]])
    return piece
