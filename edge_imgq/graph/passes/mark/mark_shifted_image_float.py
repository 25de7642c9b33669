"""Keep the mean subtraction and the first layer in float where zero padding lies between them.

    y = conv(pad((x − mean) · 255))

Networks subtract a mean colour first. Without padding the shift is folded into the layer
(`fold_affine_into_consumer`). With padding, x − mean would be quantized a second time, to levels
that do not coincide with pixel values. The first layer has few input channels and is cheap in
float, so both are marked (`edge_imgq.graph.float_regions`); the layer's output is the first value
that is rounded.
"""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import (
    is_marked,
    mark_float,
    mark_layer_float,
    reads_few_channels,
)

SHIFTS = ("Add", "Sub")


def mark_shifted_image_float(model: ir.Model) -> int:
    """Mark additions of a constant to the input image, and the convolutions that read them.

    In conv(pad(x − mean)) the shift cannot be folded into the layer; when the graph is quantized,
    both then compute in float, and the layer's output is the first value that is rounded. All
    readers must be convolutions of at most 4 input channels. Marks are metadata of nodes; the float
    graph computes the same.

    Args:
        model: edited in place.

    Returns:
        The number of shifts marked.
    """
    marked = 0
    images = {value for value in model.graph.inputs if not value.is_initializer()}
    for node in model.graph:
        if node.op_type in SHIFTS and not is_marked(node) and _shifts_one_of(images, node):
            readers = list(node.outputs[0].consumers())
            if readers and all(map(_is_first_layer, readers)) and not _is_returned(node):
                mark_float(node)
                for layer in readers:
                    mark_layer_float(layer)
                marked += 1
    return marked


def _shifts_one_of(images: set[ir.Value], node: ir.Node) -> bool:
    one, other = node.inputs
    return (one in images and edit.is_constant(other)) or (
        other in images and edit.is_constant(one)
    )


def _is_returned(node: ir.Node) -> bool:
    return node.outputs[0].is_graph_output()


def _is_first_layer(node: ir.Node) -> bool:
    return reads_few_channels(node) and not is_marked(node)
