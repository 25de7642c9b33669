"""Fold constant factors and offsets into the convolutions that compute the value.

    a·(W*x + c) + b = (a·W)*x + (a·c + b),

for any a and b, one number per output channel. Operators that commute may lie between the
convolution and the factor:

    a·relu(x) = relu(a·x)                  a > 0, no offset; LeakyReLU and PReLU likewise
    a·clip(x, l, h) + b = clip(a·x + b, a·l + b, a·h + b)          one a > 0 and b for all channels
    a·(x + y) + b = (a·x + b) + a·y,       a·(x · y) = (a·x) · y,       a·[x, y] = [a·x, a·y]

and operators that copy, select or average pixels. This removes layer scale, the β and γ of NAFNet,
residual scaling, the denormalisation at the end and a batch norm after a convolution.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.affine import Affine, affine_of, scale_bounds
from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.fusion import clip_bounds

Edit = Callable[[], None]
Fold = Callable[[ir.Node, Affine], "list[Edit] | None"]

NAMED_BOUNDS = {(0.0, 6.0), (-1.0, 1.0)}
"""Clip bounds for which formats have an activation; such clips keep their bounds."""


def fold_affine_into_producer(model: ir.Model) -> int:
    """Fold constant factors and offsets per channel into the convolutions that compute the value.

    a·(W*x + c) + b = (a·W)*x + (a·c + b) on (N, C, H, W). Operators that commute with a and b may
    lie between: Relu, LeakyRelu and PRelu (a > 0, b = 0), Clip, sums, products (b = 0), Concat, and
    those that copy, select or average pixels; each value between has one reader. Exact in real
    numbers; float32 rounding differs. Time is quadratic in the number of factors and offsets in a
    row that no convolution takes, since each walks past the others.

    Args:
        model: edited in place.

    Returns:
        The number of nodes removed.
    """
    return sum(_fold(node) for node in list(model.graph))


def _fold(node: ir.Node) -> bool:
    read = affine_of(node)
    if read is None or is_marked(node):
        return False
    source, affine = read
    edits = _edits(source, affine)
    if edits is None:
        return False
    for change in edits:
        change()
    edit.replace_value(node.outputs[0], source)
    edit.remove_node(node)
    return True


def _edits(value: ir.Value | None, affine: Affine) -> list[Edit] | None:
    """Return the edits that apply the affine to a value upstream, or None if that is impossible."""
    node = edit.find_producer(value)
    if value is None or node is None or edit.sole_consumer(value) is None or is_marked(node):
        return None
    channels = value.shape[1] if value.shape is not None and len(value.shape) == 4 else None
    broadcast = affine.broadcast(channels) if isinstance(channels, int) else None
    fold = FOLDS.get(node.op_type)
    return None if fold is None or broadcast is None else fold(node, broadcast)


def _convolution(node: ir.Node, affine: Affine) -> list[Edit] | None:
    if not all(edit.is_constant(value) for value in node.inputs[1:] if value is not None):
        return None
    if node.op_type == "ConvTranspose" and node.attributes.get_int("group", 1) != 1:
        return None
    axis = 1 if node.op_type == "ConvTranspose" else 0
    return [lambda: _scale_outputs(node, affine, axis)]


def _scale_outputs(node: ir.Node, affine: Affine, axis: int) -> None:
    weight = edit.contents(node.inputs[1])
    shape = [-1 if index == axis else 1 for index in range(weight.ndim)]
    edit.replace_input(node, 1, weight * affine.scale.reshape(shape), "scaled")
    bias = edit.bias_of(node)
    if bias is not None or not affine.is_pure_scale:
        before = 0.0 if bias is None else bias
        edit.set_bias(node, before * affine.scale + affine.offset, "shifted")


def _rectifier(node: ir.Node, affine: Affine) -> list[Edit] | None:
    if not (affine.is_increasing and affine.is_pure_scale):
        return None
    if node.op_type == "PRelu" and not edit.is_constant(node.inputs[1]):
        return None
    return _edits(node.inputs[0], affine)


def _clip(node: ir.Node, affine: Affine) -> list[Edit] | None:
    bounds = clip_bounds(node)
    if bounds is None or not (affine.is_uniform and affine.is_increasing):
        return None
    if (bounds.low, bounds.high) in NAMED_BOUNDS:
        return None
    before = _edits(node.inputs[0], affine)
    return None if before is None else [*before, lambda: scale_bounds(node, affine)]


def _sum(node: ir.Node, affine: Affine) -> list[Edit] | None:
    first = _edits(node.inputs[0], affine)
    other = affine.without_offset()
    second = _edits(node.inputs[1], other)
    return None if first is None or second is None else first + second


def _product(node: ir.Node, affine: Affine) -> list[Edit] | None:
    if not affine.is_pure_scale:
        return None
    first = _edits(node.inputs[0], affine)
    return _edits(node.inputs[1], affine) if first is None else first


def _concatenation(node: ir.Node, affine: Affine) -> list[Edit] | None:
    if node.attributes.get_int("axis") not in (1, -3):
        return _every_input(node, affine)
    edits: list[Edit] = []
    for index, value in enumerate(node.inputs):
        start, end = edit.channels_before(node, index), edit.channels_before(node, index + 1)
        if start is None or end is None:
            return None
        changes = _edits(value, affine.select(slice(start, end)))
        if changes is None:
            return None
        edits += changes
    return edits


def _every_input(node: ir.Node, affine: Affine) -> list[Edit] | None:
    changes = [_edits(value, affine) for value in node.inputs]
    if any(change is None for change in changes):
        return None
    return [one for change in changes for one in change or []]


def _depth_to_space(node: ir.Node, affine: Affine) -> list[Edit] | None:
    phases = node.attributes.get_int("blocksize") ** 2
    channels = np.arange(len(affine.scale))
    is_dcr = node.attributes.get_string("mode", "DCR") == "DCR"
    order = np.tile(channels, phases) if is_dcr else np.repeat(channels, phases)
    return _edits(node.inputs[0], affine.select(order))


def _resize(node: ir.Node, affine: Affine) -> list[Edit] | None:
    attributes = node.attributes
    extrapolates = "tf_crop" in attributes.get_string("coordinate_transformation_mode", "")
    return None if extrapolates else _edits(node.inputs[0], affine)


def _max_pool(node: ir.Node, affine: Affine) -> list[Edit] | None:
    return _edits(node.inputs[0], affine) if affine.is_increasing else None


def _mean(node: ir.Node, affine: Affine) -> list[Edit] | None:
    counts_padding = node.attributes.get_int("count_include_pad", 0)
    if counts_padding and not affine.is_pure_scale:
        return None
    return _edits(node.inputs[0], affine)


def _pad(node: ir.Node, affine: Affine) -> list[Edit] | None:
    fill = node.inputs[2] if len(node.inputs) > 2 else None
    if node.attributes.get_string("mode", "constant") == "constant":
        zero = fill is None or (edit.is_constant(fill) and not np.any(edit.contents(fill)))
        if not zero or not affine.is_pure_scale:
            return None
    return _edits(node.inputs[0], affine)


FOLDS: dict[str, Fold] = {
    "Add": _sum,
    "AveragePool": _mean,
    "Clip": _clip,
    "Concat": _concatenation,
    "Conv": _convolution,
    "ConvTranspose": _convolution,
    "DepthToSpace": _depth_to_space,
    "GlobalAveragePool": _mean,
    "LeakyRelu": _rectifier,
    "MaxPool": _max_pool,
    "Mul": _product,
    "PRelu": _rectifier,
    "Pad": _pad,
    "Relu": _rectifier,
    "Resize": _resize,
    "Sub": _sum,
}
"""Edits that apply a factor or offset upstream, by operator."""
