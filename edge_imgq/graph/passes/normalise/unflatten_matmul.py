"""Remove the flattening around a matrix product of pixels.

    Reshape back (Reshape(x, (N·H·W, C)) · W + b) = x · W + b,

since a product acts on each row separately. TensorFlow exports products of the last axis this way.
"""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.graph import edit


def unflatten_matmul(model: ir.Model) -> int:
    """Remove the reshapes to (N·H·W, C) and back around a MatMul with a constant matrix; bit-exact.

    The product then acts on the last axis of (N, H, W, C). A constant bias may follow it; static
    shapes only.

    Args:
        model: edited in place.

    Returns:
        The number of products rewritten.
    """
    nodes = [node for node in model.graph if node.op_type == "MatMul"]
    return sum(_rewrite(node) for node in nodes)


def _rewrite(node: ir.Node) -> bool:
    flat, matrix = node.inputs
    flatten = edit.find_producer(flat)
    if flat is None or flatten is None or not edit.is_constant(matrix):
        return False
    if flatten.op_type != "Reshape" or len(edit.contents(matrix).shape) != 2:
        return False
    source, last = flatten.inputs[0], _last_sum(node)
    back = edit.sole_consumer(last.outputs[0])
    if source is None or back is None or back.op_type != "Reshape":
        return False
    result = back.outputs[0]
    shapes = [value.shape for value in (source, flat, last.outputs[0], result)]
    if any(shape is None or not shape.is_static() for shape in shapes):
        return False
    image, rows, product, restored = (tuple(shape.numpy()) for shape in shapes if shape is not None)
    if len(rows) != 2 or (*image[:-1], product[-1]) != restored or image[-1] != rows[-1]:
        return False
    node.replace_input_with(0, source)
    node.outputs[0].shape = last.outputs[0].shape = result.shape
    edit.replace_value(result, last.outputs[0])
    edit.remove_dead(back)
    edit.remove_dead(flatten)
    return True


def _last_sum(node: ir.Node) -> ir.Node:
    """Return the addition of a constant row after a product, or the product without one."""
    follower = edit.sole_consumer(node.outputs[0])
    if follower is None or follower.op_type != "Add":
        return node
    constants = [value for value in follower.inputs if edit.is_constant(value)]
    is_row = len(constants) == 1 and edit.contents(constants[0]).ndim <= 1
    return follower if is_row else node
