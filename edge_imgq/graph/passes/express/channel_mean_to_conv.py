"""Rewrite the mean over channels as a 1×1 convolution.

    ReduceMean(x, channels) = Conv1×1(x, W),      W = (1/C … 1/C), one output channel.

In int8 the convolution's weight scale is chosen so that no sum lies halfway between two levels
(`edge_imgq.quantize.scales.tie_free_multiplier`). The plain mean of eight channels lies halfway in
one of eight cases if its result shares its operand's scale, as in attention that concatenates mean
and maximum.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked


def channel_mean_to_conv(model: ir.Model) -> int:
    """Rewrite each ReduceMean over the channels of (N, C, H, W) as a 1×1 convolution of 1/C.

    The output is (N, 1, H, W). The mean must keep the axis, C must be known, and the node not be
    marked as float. Exact in real numbers; float32 rounding differs.

    Args:
        model: edited in place.

    Returns:
        The number of means rewritten.
    """
    nodes = [node for node in model.graph if node.op_type == "ReduceMean" and not is_marked(node)]
    return sum(_rewrite(model.graph, node) for node in nodes)


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    image, axes = node.inputs[0], node.inputs[1] if len(node.inputs) > 1 else None
    if image is None or image.shape is None or len(image.shape) != 4 or not edit.is_constant(axes):
        return False
    channels = image.shape[1]
    over_channels = [int(axis) % 4 for axis in edit.contents(axes).reshape(-1)] == [1]
    if not over_channels or not isinstance(channels, int):
        return False
    if not node.attributes.get_int("keepdims", 1):
        return False
    weight = np.full((1, channels), 1 / channels)
    mean = edit.insert_convolution(graph, node, image, weight, f"{node.name}.mean")
    mean.shape = node.outputs[0].shape
    edit.replace_value(node.outputs[0], mean)
    edit.remove_node(node)
    return True
