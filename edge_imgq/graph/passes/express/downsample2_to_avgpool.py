"""Rewrite bilinear downsampling by 2 as a 2×2 mean.

With half-pixel centres, output pixel i samples position 2·i + ½, midway between pixels 2·i and
2·i + 1, on both axes. That is a depthwise convolution with four weights of ¼ and stride 2, which
all targets round alike in int8. Resize kernels differ on the many ties of such a mean.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit

CENTRED = ("half_pixel", "pytorch_half_pixel")


def downsample2_to_avgpool(model: ir.Model) -> int:
    """Rewrite each bilinear Resize of (N, C, H, W) with scales of ½ as a 2×2 mean of stride 2.

    The mean is a depthwise Conv with weights ¼, (C, 1, 2, 2). Covers half-pixel coordinates without
    antialiasing. Exact in real numbers; float32 sums may be ordered differently.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    nodes = [node for node in model.graph if node.op_type == "Resize" and _shrinks_by_two(node)]
    for node in nodes:
        _rewrite(model.graph, node)
    return len(nodes)


def _shrinks_by_two(node: ir.Node) -> bool:
    source = node.inputs[0]
    if source is None or source.shape is None or len(source.shape) != 4:
        return False
    attributes = node.attributes
    plain = (
        isinstance(source.shape[1], int)
        and attributes.get_string("mode", "nearest") == "linear"
        and attributes.get_string("coordinate_transformation_mode", "half_pixel") in CENTRED
        and not attributes.get_int("antialias", 0)
        and "axes" not in attributes
    )
    return plain and _scales(node) == [1, 1, 0.5, 0.5]


def _scales(node: ir.Node) -> list[float] | None:
    """Return output size over input size per axis, from the scales input or from static shapes."""
    given = node.inputs[2] if len(node.inputs) > 2 else None
    if given is not None and edit.is_constant(given) and edit.contents(given).size == 4:
        return [float(scale) for scale in edit.contents(given)]
    before = node.inputs[0].shape if node.inputs[0] is not None else None
    after = node.outputs[0].shape
    if before is None or after is None or not (before.is_static() and after.is_static()):
        return None
    return [float(scale) for scale in np.array(after.numpy()) / np.array(before.numpy())]


def _rewrite(graph: ir.Graph, node: ir.Node) -> None:
    source = node.inputs[0]
    assert source is not None
    assert source.shape is not None
    channels = source.shape[1]
    assert isinstance(channels, int)
    kernel = np.full((channels, 1, 2, 2), 0.25, np.float32)
    weight = edit.add_constant(graph, f"{node.name}.mean", kernel)
    attributes = {"kernel_shape": [2, 2], "strides": [2, 2], "group": channels}
    mean = edit.insert_node(graph, node, "Conv", [source, weight], attributes, f"{node.name}.half")
    mean.shape = node.outputs[0].shape
    edit.replace_value(node.outputs[0], mean)
    edit.remove_node(node)
