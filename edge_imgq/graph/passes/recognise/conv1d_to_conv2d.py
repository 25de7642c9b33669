"""Rewrite convolution and pooling along one axis as two-dimensional ones.

Attention on images (SAGAN, DeOldify) flattens the pixels and multiplies their channels by a Conv1d
of one tap, which may as well precede the flattening. With W (M, C, 1) as V (M, C, 1, 1),

    Conv(Reshape(x, (N, C, H·W)), W) = Reshape(Conv(x, V), (N, M, H·W)).

Other windows along one axis read an image of one row. With W (M, C, k) as V (M, C, 1, k),

    Conv(x, W) = Squeeze(Conv(Unsqueeze(x, 2), V), 2).

TFLite has only two-dimensional windows.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.operators import WINDOWED

ROW = 2
"""Index of the inserted axis of length 1 in an image of one row."""

LIFTED = {"kernel_shape": 1, "strides": 1, "dilations": 1, "output_padding": 0, "output_shape": 1}
"""Attributes with one number per axis, and the number for the inserted axis."""


def conv1d_to_conv2d(model: ir.Model) -> int:
    """Rewrite convolution and pooling of (N, C, L) as windows of an image (N, C, 1, L).

    An Unsqueeze before and a Squeeze after keep the shapes around. A Conv of one tap after the
    Reshape of an image to (N, C, H·W) becomes a 1×1 Conv before it instead. Weights must be
    constant. Exact in real numbers; float32 sums may be ordered differently.

    Args:
        model: edited in place.

    Returns:
        The number of operators rewritten.
    """
    nodes = [node for node in model.graph if node.op_type in WINDOWED and _is_single(node)]
    for node in nodes:
        if not _before_flattening(model.graph, node):
            _in_one_row(model.graph, node)
    return len(nodes)


def _is_single(node: ir.Node) -> bool:
    """Return True for rank-3 input, one output and constant weights."""
    source = node.inputs[0]
    if source is None or source.shape is None or len(source.shape) != ROW + 1:
        return False
    return len(node.outputs) == 1 and (len(node.inputs) == 1 or edit.is_constant(node.inputs[1]))


def _before_flattening(graph: ir.Graph, node: ir.Node) -> bool:
    """Move a convolution of one tap before the Reshape that flattens an image's pixels."""
    flat = node.inputs[0]
    maker = flat.producer() if flat is not None else None
    if node.op_type != "Conv" or maker is None or maker.op_type not in ("Reshape", "Flatten"):
        return False
    image, weight = maker.inputs[0], edit.contents(node.inputs[1])
    if flat is None or image is None or image.shape is None or len(image.shape) != ROW + 2:
        return False
    plain = weight.shape[ROW:] == (1,) and _is_plain(node)
    if not plain or flat.shape is None or list(image.shape)[:2] != list(flat.shape)[:2]:
        return False
    name, result = node.name or "row", node.outputs[0]
    kernel = edit.add_constant(graph, f"{name}.image_weight", weight[..., np.newaxis])
    group = node.attributes.get_int("group", 1)
    attributes = {"kernel_shape": [1, 1], "group": group}
    inputs = [image, kernel, *node.inputs[2:]]
    pixels = edit.insert_node(graph, node, "Conv", inputs, attributes, f"{name}.image")
    pixels.shape = ir.Shape([image.shape[0], len(weight), *list(image.shape)[2:]])
    shape = edit.add_constant(graph, f"{name}.row", np.array([0, len(weight), -1], np.int64))
    row = edit.insert_node(graph, node, "Reshape", [pixels, shape], {}, f"{name}.flat")
    row.shape = result.shape
    edit.replace_value(result, row)
    edit.remove_node(node)
    return True


def _is_plain(node: ir.Node) -> bool:
    """Return True if a convolution has stride 1 and no padding."""
    attributes = node.attributes
    return (
        attributes.get_string("auto_pad", "NOTSET") in ("NOTSET", "VALID")
        and list(attributes.get_ints("strides", [1])) == [1]
        and not any(attributes.get_ints("pads", [0, 0]))
    )


def _in_one_row(graph: ir.Graph, node: ir.Node) -> None:
    name, source, result = node.name or "row", node.inputs[0], node.outputs[0]
    assert source is not None
    axis = edit.add_constant(graph, f"{name}.axis", np.array([ROW], np.int64))
    image = edit.insert_node(graph, node, "Unsqueeze", [source, axis], {}, f"{name}.lifted")
    image.shape = _lifted(source.shape)
    inputs = [image, *node.inputs[1:]]
    if len(inputs) > 1:
        kernel = np.expand_dims(edit.contents(node.inputs[1]), ROW)
        inputs[1] = edit.add_constant(graph, f"{name}.row_weight", kernel)
    kind, attributes = node.op_type, _attributes(node)
    moved = edit.insert_node(graph, node, kind, inputs, attributes, f"{name}.image")
    moved.shape = _lifted(result.shape)
    row = edit.insert_node(graph, node, "Squeeze", [moved, axis], {}, f"{name}.row")
    row.shape = result.shape
    edit.replace_value(result, row)
    edit.remove_node(node)


def _lifted(shape: ir.Shape | None) -> ir.Shape | None:
    return None if shape is None else ir.Shape([*list(shape)[:ROW], 1, *list(shape)[ROW:]])


def _attributes(node: ir.Node) -> dict[str, ir.Attr]:
    attributes = dict(node.attributes)
    for key in LIFTED.keys() & attributes.keys():
        values = [LIFTED[key], *node.attributes.get_ints(key)]
        attributes[key] = ir.AttrInt64s(key, values)
    if "pads" in attributes:
        begin, end = node.attributes.get_ints("pads")
        attributes["pads"] = ir.AttrInt64s("pads", [0, begin, 0, end])
    return attributes
