"""Opening of height and width in a model that was exported for one size.

Exporters fold values that follow from a fixed size into constants: the target of a Reshape, the
sizes of a Resize, the end of a Slice, the window of a global pooling. A graph with such a constant
computes another function at another size, often without an error. It may be opened only if every
node is of a kind that holds no size, and none of its constants can be one.
"""

from __future__ import annotations

from collections.abc import Callable

import onnx_ir as ir

from edge_imgq.errors import ModelError
from edge_imgq.graph import edit
from edge_imgq.graph.operators import ELEMENTWISE, QUANTIZING, REDUCING, SINGLE
from edge_imgq.graph.ports.port_feeds import (
    further_inputs,
    is_one_pixel,
    name_open_sides,
    size_ratio,
)
from edge_imgq.graph.shapes.shape_inference import infer_shapes

FREE = (
    SINGLE
    | QUANTIZING
    | {
        "BatchNormalization", "Conv", "DepthToSpace", "GlobalAveragePool", "GlobalMaxPool",
        "GroupNormalization", "InstanceNormalization", "SpaceToDepth", "Transpose",
    }
)  # fmt: skip
"""Operators that hold no size, whatever their attributes and constants."""


def with_dynamic_size(model: ir.Model, name: str) -> ir.Model:
    """Return a copy of a model with open height and width, and with shapes inferred again.

    Further inputs that are planes (C, H, W alike or at a fraction of the image's size) are opened
    too and keep their ratio to the image.

    Args:
        model: model of fixed size whose first input is an image (1, C, H, W); not changed.
        name: name for messages.

    Raises:
        ModelError: a node holds the exported size.
    """
    for node in model.graph:
        if not holds_no_size(node):
            shape = model.graph.inputs[0].shape
            assert shape is not None
            raise ModelError(
                f"{name} was exported for {shape[2]}x{shape[3]} and cannot be written for another "
                f"size: {node.op_type} '{node.name}' holds that size. Export it to ONNX with open "
                "height and width, or leave --size."
            )
    proto = ir.to_proto(model)
    planes = [
        value
        for value in further_inputs(proto.graph)
        if not is_one_pixel([d.dim_value for d in value.type.tensor_type.shape.dim])
    ]
    ratios = [size_ratio(proto.graph, value) for value in planes]
    for value, ratio in zip((proto.graph.input[0], *planes), (1, *ratios), strict=True):
        name_open_sides(value, ratio)
    del proto.graph.value_info[:]
    for output in proto.graph.output:
        output.type.tensor_type.ClearField("shape")
    result: ir.Model = ir.from_proto(infer_shapes(proto))
    return result


def holds_no_size(node: ir.Node) -> bool:
    """Return True if neither attributes nor constants of a node depend on the image's size.

    Then it computes the same function of each pixel's neighbourhood at any height and width. False
    also where that cannot be told from the node, and for operators in neither FREE nor CONDITIONS.
    """
    if node.op_type in FREE:
        return True
    check = CONDITIONS.get(node.op_type)
    return check is not None and check(node)


def _window(node: ir.Node) -> bool:
    """Return True if a window is smaller than the image: one as large may mean the whole image."""
    source = node.inputs[0]
    if source is None or source.shape is None or not source.shape.is_static():
        return False
    sides = source.shape.numpy()[2:]
    kernel = node.attributes.get_ints("kernel_shape", [])
    return all(taps < side for taps, side in zip(kernel, sides, strict=True))


def _elementwise(node: ir.Node) -> bool:
    """Return True if every constant operand has height and width 1."""
    shapes = [edit.contents(value).shape for value in node.inputs if edit.is_constant(value)]
    channels_last = any(ends_in_channels(value) for value in node.inputs)
    sides = slice(-3, -1) if channels_last else slice(-2, None)
    return all(set(shape[sides]) <= {1} for shape in shapes)


def _of_last_channels(node: ir.Node) -> bool:
    """Return True for a norm or product over the last axis where that holds the channels."""
    last = node.attributes.get_int("axis", -1) in (-1, 3)
    return last and _constants_but_the_first(node) and ends_in_channels(node.inputs[0])


def ends_in_channels(value: ir.Value | None) -> bool:
    """Return True if the last axis of a value holds channels, by the operators upstream.

    The first computed input is followed through operators that keep the layout. True if that leads
    to a Transpose from (N, C, H, W) to (N, H, W, C), False at any other Transpose, operator or
    graph input.
    """
    while value is not None and (node := value.producer()) is not None:
        if node.op_type == "Transpose":
            return tuple(node.attributes.get_ints("perm", [])) == (0, 2, 3, 1)
        if node.op_type not in FREE and node.op_type not in KEEPING:
            return False
        computed = [v for v in node.inputs if v is not None and not edit.is_constant(v)]
        value = computed[0] if computed else None
    return False


def _constants_but_the_first(node: ir.Node) -> bool:
    return all(edit.is_constant(value) for value in node.inputs[1:] if value is not None)


def _names_axes(node: ir.Node) -> bool:
    """Return True if a Squeeze names its axes: without names, another size may squeeze others."""
    return len(node.inputs) == 2 and _constants_but_the_first(node)


def _channels(node: ir.Node) -> bool:
    return node.attributes.get_int("axis", 0) in (1, -3)


def _scaled(node: ir.Node) -> bool:
    """Return True if a Resize states scales rather than sizes."""
    return len(node.inputs) == 3 and edit.is_constant(node.inputs[2])


def _of_channels(node: ir.Node) -> bool:
    """Return True for a Slice of channels only."""
    if len(node.inputs) < 4 or not _constants_but_the_first(node):
        return False
    return {int(axis) for axis in edit.contents(node.inputs[3])} <= {1, -3}


KEEPING = ELEMENTWISE | {"LayerNormalization", "MatMul"}
"""Operators other than FREE that keep the last axis last."""

CONDITIONS: dict[str, Callable[[ir.Node], bool]] = {
    **dict.fromkeys(ELEMENTWISE - SINGLE, _elementwise),
    "AveragePool": _window,
    "Concat": _channels,
    "ConvTranspose": lambda node: "output_shape" not in node.attributes,
    "LayerNormalization": _of_last_channels,
    "MatMul": _of_last_channels,
    "MaxPool": _window,
    "Pad": _constants_but_the_first,
    **dict.fromkeys(REDUCING, _constants_but_the_first),
    "Resize": _scaled,
    "Slice": _of_channels,
    "Softmax": _channels,
    "Split": _channels,
    **dict.fromkeys(("Squeeze", "Unsqueeze"), _names_axes),
}
"""Predicate that returns True if a node holds no size, by operator."""
