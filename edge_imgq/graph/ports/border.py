"""Networks without padding, whose output lacks a border: their input is mirror-padded.

With n the network, s its scale and b the input pixels that cover what its output lacks,

    f(x) = n(x, mirror-padded by b pixels on each side)

has s times the size of x once what b covers too much is cropped: where a network enlarges first and
loses its border then, b is rounded up. All later stages, the float reference included, use f.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

import numpy as np
import onnx_ir as ir

from edge_imgq.errors import ModelError
from edge_imgq.graph import edit
from edge_imgq.graph.ports.port_feeds import graph_inputs, is_one_pixel, side_ratio
from edge_imgq.graph.shapes.shape_inference import infer_shapes
from edge_imgq.graph.shapes.size_multiple import Size, output_at
from edge_imgq.scale import Scale, scale_of, scaled

GROWTH = (192, 384)
"""Pixels added to height and width to measure the growth of the output."""


@dataclass(frozen=True)
class Border:
    """The border that a network's output lacks.

    Attributes:
        pixels: input pixels by which images are mirror-padded on each side.
        cropped: output pixels to crop on each side afterwards.
    """

    pixels: int
    cropped: int = 0


def find_border(model: ir.Model, size: Size) -> Border | None:
    """Find the border that the output of a network without padding lacks, or return None.

    Along both axes the output must have s × side − m pixels, with the same scale s and m > 0 at two
    sizes; the border is then m / (2·s) input pixels on each side, rounded up. None in all other
    cases, if shape inference fails at a size, or if the border could not be the same on both sides.

    Args:
        model: model of open height and width, the image (1, C, H, W) its first input.
        size: smaller height and width to try; the larger has GROWTH more, 192 rows and 384 columns.
    """
    larger = (size[0] + GROWTH[0], size[1] + GROWTH[1])
    try:
        here, there = output_at(model, size), output_at(model, larger)
    except ModelError:
        return None
    if here is None or there is None or there[0] <= here[0]:
        return None
    scale, across = (scale_of(there[axis] - here[axis], GROWTH[axis]) for axis in (0, 1))
    if scale != across or GROWTH[0] % scale.denominator:
        return None
    lost = {scale * size[axis] - here[axis] for axis in (0, 1)}
    missing = lost.pop()
    image = model.graph.inputs[0].shape
    ratios = [side_ratio(value.shape, image) for value in graph_inputs(model.graph)]
    multiple = lcm(scale.denominator, *ratios)
    return _covering(missing, scale, multiple) if not lost and missing > 0 else None


def _covering(missing: Scale, scale: Scale, multiple: int) -> Border | None:
    """Return the border for output pixels that both sides together lack, or None."""
    pixels = int(-(-missing // (2 * scale * multiple))) * multiple
    excess = 2 * scaled(pixels, scale) - missing
    # An odd number would leave open on which side the network has lost more.
    return None if excess % 2 else Border(pixels, int(excess) // 2)


def with_border(model: ir.Model, border: Border) -> ir.Model:
    """Return a copy of a model that first mirror-pads its images, so that its output is complete.

    The Pad of mode "reflect" adds `border.pixels` on each side of (1, C, H, W) and does not repeat
    the edge, so sides must exceed it. Planes of a fraction of the image's sides get that fraction
    of it, vectors nothing. The first output is cropped by `border.cropped` on each side. Shapes are
    inferred again.
    """
    copy = model.clone()
    graph = copy.graph
    for value in graph_inputs(graph):
        if is_one_pixel(tuple(value.shape or ())):
            continue
        uses, first = list(value.uses()), next(iter(graph))
        amount = border.pixels // side_ratio(value.shape, graph.inputs[0].shape)
        pads = np.array([0, 0, amount, amount] * 2, np.int64)
        amounts = edit.add_constant(graph, f"{value.name}.border", pads)
        attributes = {"mode": "reflect"}
        extended = edit.insert_node(
            graph, first, "Pad", [value, amounts], attributes, f"{value.name}.extended"
        )
        for use in uses:
            use.node.replace_input_with(use.idx, extended)
    if border.cropped:
        _crop(graph, border.cropped)
    proto = ir.to_proto(copy)
    del proto.graph.value_info[:]
    for output in proto.graph.output:
        output.type.tensor_type.ClearField("shape")
    whole: ir.Model = ir.from_proto(infer_shapes(proto))
    return whole


def _crop(graph: ir.Graph, cropped: int) -> None:
    """Crop the only output of a graph at its borders, in place; it keeps its name."""
    output = graph.outputs[0]
    name, output.name = output.name, edit.free_name(graph, f"{output.name}.whole")
    amounts = ([cropped, cropped], [-cropped, -cropped], [2, 3])
    constants = [
        edit.add_constant(graph, f"{name}.{word}", np.array(numbers, np.int64))
        for word, numbers in zip(("start", "end", "axes"), amounts, strict=True)
    ]
    node = ir.node("Slice", [output, *constants], name=f"{name}.cropped")
    graph.append(node)
    result = node.outputs[0]
    result.name, result.type = name, output.type
    graph.outputs[0] = result
