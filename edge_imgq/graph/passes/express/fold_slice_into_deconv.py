"""Fold slices after a transposed convolution into its pads.

Pads of a transposed convolution crop its result, so

    Slice(ConvTranspose(x, pads b, e), s to −t)  =  ConvTranspose(x, pads b + s, e + t)

on height and width. TensorFlow's converters write transposed convolutions of open size this way,
with a Pad of zero width after it and the bias as a separate Add.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit


def fold_slice_into_deconv(model: ir.Model) -> int:
    """Fold a Slice after a transposed convolution into its pads, and an Add into its bias.

    The Slice crops height and width of a static (N, C, H, W) with unit steps; pads of a
    ConvTranspose crop its result. The Add is of one constant per channel, to a node without a bias.
    Bit-exact for slices; the bias addition may round differently in float32.

    Args:
        model: edited in place.

    Returns:
        The number of nodes removed.
    """
    nodes = [node for node in model.graph if node.op_type == "ConvTranspose"]
    return sum(_crop(node) + _bias(model.graph, node) for node in nodes)


def _crop(node: ir.Node) -> int:
    crop = edit.sole_consumer(node.outputs[0])
    whole = node.outputs[0].shape
    if crop is None or crop.op_type != "Slice" or whole is None or not whole.is_static():
        return 0
    if node.attributes.get_string("auto_pad", "NOTSET") != "NOTSET":
        return 0
    if "output_shape" in node.attributes or len(whole) != 4:
        return 0
    cut = _cut(crop, whole.numpy())
    if cut is None:
        return 0
    pads = np.array(node.attributes.get_ints("pads", [0, 0, 0, 0])) + cut
    node.attributes["pads"] = ir.AttrInt64s("pads", pads.tolist())
    node.outputs[0].shape = crop.outputs[0].shape
    edit.replace_value(crop.outputs[0], node.outputs[0])
    edit.remove_dead(crop)
    return 1


def _cut(crop: ir.Node, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return the rows and columns that a Slice crops, (top, left, bottom, right), or None."""
    given = [value for value in crop.inputs[1:] if value is not None]
    if not all(edit.is_constant(value) for value in given) or len(given) < 3:
        return None
    starts, ends, axes, *steps = (edit.contents(value).reshape(-1).tolist() for value in given)
    if steps and set(steps[0]) != {1}:
        return None
    cut = np.zeros((2, 2), np.int64)
    for start, end, axis in zip(starts, ends, axes, strict=True):
        length, index = shape[axis % 4], axis % 4 - 2
        first, last = (min(max(x + length if x < 0 else x, 0), length) for x in (start, end))
        if index < 0 and (first, last) != (0, length):
            return None
        if index >= 0:
            cut[:, index] = first, length - last
    return cut.reshape(-1)


def _bias(graph: ir.Graph, node: ir.Node) -> int:
    """Fold an Add of one constant per channel into a transposed convolution that has no bias."""
    follower = edit.sole_consumer(node.outputs[0])
    if follower is None or follower.op_type != "Add" or len(node.inputs) > 2:
        return 0
    offset = next((value for value in follower.inputs if edit.is_constant(value)), None)
    weight, whole = node.inputs[1], node.outputs[0].shape
    if offset is None or weight is None or not edit.is_constant(weight) or whole is None:
        return 0
    channels, array = whole[1], edit.contents(offset)
    if not isinstance(channels, int) or array.shape not in (
        (1, channels, 1, 1),
        (channels, 1, 1),
        (),
        (1,),
    ):
        return 0
    bias = np.broadcast_to(array.reshape(-1), (channels,))
    node.resize_inputs(3)
    node.replace_input_with(2, edit.add_constant(graph, f"{node.name}.bias", np.array(bias)))
    node.outputs[0].shape = follower.outputs[0].shape
    edit.replace_value(follower.outputs[0], node.outputs[0])
    edit.remove_dead(follower)
    return 1
