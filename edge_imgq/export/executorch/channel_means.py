"""Rewrite of channel means as convolutions; XNNPACK averages only over rows and columns."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit


def channel_means_as_convolutions(model: ir.Model) -> int:
    """Replace each mean over an image's channels by a 1×1 convolution, in place; return the count.

    The pattern is ReduceMean of (N, C, H, W) over axis 1 with `keepdims`; the convolution has
    weights 1 / C. Equal to float32 rounding.

    Args:
        model: bound to a size.
    """
    count = 0
    for node in list(model.graph):
        if not _is_channel_mean(node):
            continue
        source = node.inputs[0]
        assert source is not None
        assert source.shape is not None
        channels = source.shape.numpy()[1]
        weight = np.full((1, channels), 1 / channels, np.float32)
        mean = edit.insert_convolution(model.graph, node, source, weight, f"{node.name}.mean")
        mean.shape = node.outputs[0].shape
        edit.replace_value(node.outputs[0], mean)
        edit.remove_node(node)
        count += 1
    return count


def _is_channel_mean(node: ir.Node) -> bool:
    if node.op_type != "ReduceMean" or len(node.inputs) < 2 or not edit.is_constant(node.inputs[1]):
        return False
    source, axes = node.inputs[0], edit.contents(node.inputs[1]).reshape(-1).tolist()
    is_image = source is not None and source.shape is not None and len(source.shape) == 4
    return is_image and axes in ([1], [-3]) and bool(node.attributes.get_int("keepdims", 1))
