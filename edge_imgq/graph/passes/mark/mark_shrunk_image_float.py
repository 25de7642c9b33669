"""Keep a shrunk image, and the layers that read it, in float where a network returns numbers.

    numbers = … conv(mean of 2×2(image))

The mean of four pixels lies between levels. Rounded to a level, it gets noise of a third of one,
and what a network counts in flat areas, such as how many differences exceed a level, moves with it.
Where a picture is returned this is no more than the picture's own rounding; numbers that are made
of many pixels are much finer. Layers of a shrunk image have few pixels and few input channels, so
they are marked (`edge_imgq.graph.float_regions`) with the means, and the output of a layer is the
first value that is rounded.
"""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.graph.float_regions import (
    is_marked,
    mark_float,
    mark_layer_float,
    reads_few_channels,
)


def mark_shrunk_image_float(model: ir.Model) -> int:
    """Mark AveragePools of the input image, chains too, and the convolutions that read them.

    When the graph is quantized they then compute in float. Only for networks all of whose outputs
    are vectors, (N, C) or (N, C, 1, 1); readers must be pools or convolutions of at most 4 input
    channels. Marks are metadata of nodes; the float graph computes the same.

    Args:
        model: edited in place.

    Returns:
        The number of means marked.
    """
    if not all(map(_is_numbers, model.graph.outputs)):
        return 0
    images = {value for value in model.graph.inputs if not value.is_initializer()}
    marked = 0
    for node in model.graph:
        if node.op_type != "AveragePool" or is_marked(node) or node.inputs[0] not in images:
            continue
        readers = list(node.outputs[0].consumers())
        if readers and all(reads_few_channels(reader) or _is_mean(reader) for reader in readers):
            mark_float(node)
            images.add(node.outputs[0])
            for layer in filter(reads_few_channels, readers):
                mark_layer_float(layer)
            marked += 1
    return marked


def _is_numbers(value: ir.Value) -> bool:
    """Return True if a value has one number a channel: (N, C) or (N, C, 1, 1)."""
    if value.shape is None or len(value.shape) not in (2, 4):
        return False
    return all(length == 1 for length in list(value.shape)[2:])


def _is_mean(node: ir.Node) -> bool:
    return node.op_type == "AveragePool"
