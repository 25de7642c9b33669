"""Networks without padding, whose output lacks a border: their input is mirror-padded.

With n the network, s its scale and b the pixels lost on each side,

    f(x) = n(x, mirror-padded by b pixels on each side)

has s times the size of x. All later stages, the float reference included, use f.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.errors import ModelError
from edge_imgq.graph import edit
from edge_imgq.graph.ports.port_feeds import graph_inputs, is_one_pixel
from edge_imgq.graph.shapes.shape_inference import infer_shapes
from edge_imgq.graph.shapes.size_multiple import Size, output_at

STEPS = (192, 384)
"""Pixels added to height and width to measure the growth of the output."""


def find_border(model: ir.Model, size: Size) -> int:
    """Return b if the output size is s × (side − 2 × b) at two sizes; 0 if there is no such b.

    Args:
        model: model of open height and width.
        size: smaller height and width to try.
    """
    larger = (size[0] + STEPS[0], size[1] + STEPS[1])
    try:
        here, there = output_at(model, size), output_at(model, larger)
    except ModelError:
        return 0
    if here is None or there is None:
        return 0
    rises = [divmod(there[axis] - here[axis], STEPS[axis]) for axis in (0, 1)]
    scale = rises[0][0]
    if any(rise != (scale, 0) for rise in rises) or scale < 1:
        return 0
    lost = {scale * size[axis] - here[axis] for axis in (0, 1)}
    border, rest = divmod(lost.pop(), 2 * scale)
    return 0 if lost or rest or border < 1 else border


def with_border(model: ir.Model, border: int) -> ir.Model:
    """Return a copy of a model that first mirror-pads its images by a border, in pixels."""
    copy = model.clone()
    graph = copy.graph
    pads = np.array([0, 0, border, border] * 2, np.int64)
    for value in graph_inputs(graph):
        if is_one_pixel(tuple(value.shape or ())):
            continue
        uses, first = list(value.uses()), next(iter(graph))
        amounts = edit.add_constant(graph, f"{value.name}.border", pads)
        attributes = {"mode": "reflect"}
        extended = edit.insert_node(
            graph, first, "Pad", [value, amounts], attributes, f"{value.name}.extended"
        )
        for use in uses:
            use.node.replace_input_with(use.idx, extended)
    proto = ir.to_proto(copy)
    del proto.graph.value_info[:]
    for output in proto.graph.output:
        output.type.tensor_type.ClearField("shape")
    whole: ir.Model = ir.from_proto(infer_shapes(proto))
    return whole
