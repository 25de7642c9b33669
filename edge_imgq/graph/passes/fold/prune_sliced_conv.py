"""Compute only the channels that a Slice keeps.

    slice(f(W*x + b)) = f(slice(W)*x + slice(b))

for every f that treats all channels alike. Networks are trained with one or two channels more than
the image has, so that layers fill kernel tiles, and slice them off at the end. The Slice would be a
node at run time, and would keep a pixel shuffle's permutation from folding into the layer.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.operators import operators

ALIKE = operators(lambda row: row.elementwise and not row.broadcasts)
"""Operators that treat all channels alike if every input but the first is constant."""


def prune_sliced_conv(model: ir.Model) -> int:
    """Drop the output channels of a convolution that a following Slice of axis 1 discards; exact.

    The Slice is removed. Elementwise operators of one operand may lie between; each value on the
    path has one reader. The convolution needs one group and constant weights.

    Args:
        model: edited in place.

    Returns:
        The number of slices removed.
    """
    slices = [node for node in model.graph if node.op_type == "Slice"]
    return sum(_rewrite(node) for node in slices)


def _rewrite(node: ir.Node) -> bool:
    source = node.inputs[0]
    kept, path = _kept(node), []
    if source is None or kept is None:
        return False
    value: ir.Value | None = source
    while value is not None and edit.sole_consumer(value) is not None:
        maker = edit.find_producer(value)
        if maker is None or is_marked(maker):
            return False
        path.append(maker)
        if maker.op_type == "Conv":
            break
        if maker.op_type not in ALIKE or any(
            not edit.is_constant(v) for v in maker.inputs[1:] if v is not None
        ):
            return False
        value = maker.inputs[0]
    if not path or not _select(path[-1], kept):
        return False
    for maker in path:
        maker.outputs[0].shape = node.outputs[0].shape
    edit.replace_value(node.outputs[0], source)
    edit.remove_dead(node)
    return True


def _kept(node: ir.Node) -> list[int] | None:
    """Return the channel indices that a Slice of (N, C, H, W) keeps; None for any other Slice."""
    source = node.inputs[0]
    if source is None or source.shape is None or len(source.shape) != 4 or len(node.inputs) < 4:
        return None
    channels = source.shape[1]
    if not isinstance(channels, int) or not all(edit.is_constant(v) for v in node.inputs[1:]):
        return None
    starts, ends, axes, *steps = (edit.contents(v).tolist() for v in node.inputs[1:])
    if axes not in ([1], [-3]):
        return None
    return list(range(channels))[starts[0] : ends[0] : steps[0][0] if steps else 1]


def _select(conv: ir.Node, kept: list[int]) -> bool:
    """Keep only some output channels of an ungrouped convolution; False if that is impossible."""
    constant = all(edit.is_constant(v) for v in conv.inputs[1:] if v is not None)
    if conv.op_type != "Conv" or not constant or conv.attributes.get_int("group", 1) != 1:
        return False
    bias = edit.bias_of(conv)
    edit.replace_input(conv, 1, np.take(edit.contents(conv.inputs[1]), kept, axis=0), "sliced")
    if bias is not None:
        edit.set_bias(conv, np.take(bias, kept), "sliced")
    return True
