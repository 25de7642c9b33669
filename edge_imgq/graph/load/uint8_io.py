"""Convert models with uint8 pixels at their ends to float values from 0 to 255.

TensorFlow's exporters and apps use uint8 at the ends, with casts:

    uint8 image → Cast → … → Round → Clip → Cast → uint8 image.

tf2onnx, also behind Keras, writes Min and Max for the Clip.
Without casts and rounding, the model returns the values before conversion to pixels. Every file
rounds and clips its output anyway. A Cast without Round truncates, which lowers values by half a
level on average; that offset is omitted as well.
"""

from __future__ import annotations

from dataclasses import replace

import onnx
from onnx import TensorProto

from edge_imgq.contract import PixelRange
from edge_imgq.errors import UsageError
from edge_imgq.ports import PortRequests

BYTES = TensorProto.UINT8
DROPPED = ("Cast", "Round", "Floor")
"""Operators that convert real numbers to bytes, other than Clip."""

LIMITS = ("Min", "Max")
"""Operators that are half a Clip if one operand is a constant."""

KEPT = ("Clip", "Transpose", *LIMITS)
"""Operators that may stand between them."""


def pixel_range_of(
    model: onnx.ModelProto, image: str, chosen: PixelRange | None, name: str
) -> PixelRange:
    """Return the values that a model has for pixels 0 and 255.

    A uint8 image has 0 and 255; a float image has the chosen ones, or 0 and 1.

    Args:
        model: model as given.
        image: name of its image input; if there is none of that name, any uint8 input counts.
        chosen: range that the user gave, or None.
        name: name of the model for messages.

    Raises:
        UsageError: another range is chosen for a uint8 image.
    """
    inputs = [value for value in model.graph.input if value.name == image] or model.graph.input
    if not any(_type(value) == BYTES for value in inputs):
        return chosen or PixelRange(0.0, 1.0)
    if chosen not in (None, PixelRange(0.0, 255.0)):
        raise UsageError(
            f"{name} takes 8-bit pixels, which are 0 to 255: leave out --range (`pixel_range` in "
            "Python)."
        )
    return PixelRange(0.0, 255.0)


def with_byte_ranges(requests: PortRequests, model: onnx.ModelProto) -> PortRequests:
    """Return the requests with a range of 0 to 255 added for uint8 inputs that have none.

    A range that the user states is kept.

    Args:
        requests: what the user states of the inputs.
        model: model as given.
    """
    names = [value.name for value in model.graph.input if _type(value) == BYTES]
    taken = [requests.of_input(name) for name in names]
    ranged = [replace(port, low=(0.0,), high=(255.0,)) for port in taken if not port.low]
    ports = {port.name: port for port in (*requests.inputs, *ranged)}
    return replace(requests, inputs=tuple(ports.values()))


def without_bytes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Convert uint8 inputs and outputs to float32 values from 0 to 255.

    Casts and roundings (Round, Floor) at uint8 outputs are left out; limits (Clip, Min, Max) are
    kept. So values returned are those before conversion to pixels: not rounded, and bounded only by
    such limits.

    Returns:
        A copy, or the model itself if it has no uint8 input or output.
    """
    ends = [*model.graph.input, *model.graph.output]
    if not any(_type(value) == BYTES for value in ends):
        return model
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    graph = changed.graph
    for value in graph.output:
        if _type(value) == BYTES:
            _unround(graph, value.name)
    for value in [*graph.input, *graph.output]:
        if _type(value) == BYTES:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    del graph.value_info[:]
    return changed


def _type(value: onnx.ValueInfoProto) -> int:
    return int(value.type.tensor_type.elem_type)


def _unround(graph: onnx.GraphProto, name: str) -> None:
    """Replace the casts and roundings that lead to an output by Identity."""
    producers = {output: node for node in graph.node for output in node.output}
    constants = {value.name for value in graph.initializer} | {
        output for node in graph.node if node.op_type == "Constant" for output in node.output
    }
    while (node := producers.get(name)) is not None and node.op_type in (*DROPPED, *KEPT):
        operands = [operand for operand in node.input if operand not in constants]
        if node.op_type in LIMITS and len(operands) != 1:
            return  # of two images
        if node.op_type in DROPPED:
            del node.attribute[:]
            node.op_type = "Identity"
        name = operands[0] if node.op_type in LIMITS else node.input[0]
