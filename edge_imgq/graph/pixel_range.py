"""Networks whose pixels do not begin at 0, such as those trained on -1 to 1.

With n the network, l and h its values of pixel 0 and 255, and x an image in [0, 1]:

    f(x) = (n(x · (h − l) + l) − l) / (h − l)

takes and returns [0, 1]. Everything after this, the float reference included, is f: apps then feed
every network alike, and the affine at each end is folded into a convolution where that is exact.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.contract import PixelRange
from edge_imgq.graph import edit


def to_unit_range(model: ir.Model, pixels: PixelRange) -> None:
    """Let a network take and return [0, 1], in place.

    Args:
        model: normalised float model of one image input and one image output.
        pixels: the values that it takes and returns now; `low` differs from `high`.
    """
    span = pixels.high - pixels.low
    _enter(model.graph, span, pixels.low)
    _leave(model.graph, 1.0 / span, -pixels.low / span)


def _enter(graph: ir.Graph, factor: float, offset: float) -> None:
    image = graph.inputs[0]
    readers = list(image.uses())
    scaled = _affine(graph, image, factor, offset, "pixels.in", before=next(iter(graph), None))
    for use in readers:
        use.node.replace_input_with(use.idx, scaled)


def _leave(graph: ir.Graph, factor: float, offset: float) -> None:
    output = graph.outputs[0]
    scaled = _affine(graph, output, factor, offset, "pixels.out", before=None)
    scaled.name, output.name = output.name, edit.free_name(graph, f"{output.name}.own")
    graph.outputs[0] = scaled


def _affine(
    graph: ir.Graph,
    source: ir.Value,
    factor: float,
    offset: float,
    name: str,
    before: ir.Node | None,
) -> ir.Value:
    """Insert source · factor + offset before a node, or at the end."""
    product = ir.node("Mul", [source, _scalar(graph, f"{name}.factor", factor)], name=f"{name}.mul")
    total = ir.node(
        "Add",
        [product.outputs[0], _scalar(graph, f"{name}.offset", offset)],
        name=f"{name}.add",
    )
    for node in (product, total):
        node.outputs[0].name = edit.free_name(graph, node.name or name)
        node.outputs[0].shape, node.outputs[0].type = source.shape, source.type
        if before is None:
            graph.append(node)
        else:
            graph.insert_before(before, node)
    return total.outputs[0]


def _scalar(graph: ir.Graph, name: str, number: float) -> ir.Value:
    return edit.add_constant(graph, name, np.float32(number))
