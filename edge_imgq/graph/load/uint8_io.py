"""Models that take or return 8-bit pixels, as models of numbers from 0 to 255.

TensorFlow's exporters and apps like uint8 at the ends, with casts behind and before:

    uint8 image → Cast → … → Round → Clip → Cast → uint8 image.

Without the casts and the rounding, the model computes the numbers that are then made pixels of.
Every file rounds and clips them anyway. A cast without a rounding cuts digits off, half a level on
average, which is left out as well.
"""

from __future__ import annotations

import onnx
from onnx import TensorProto

BYTES = TensorProto.UINT8
DROPPED = ("Cast", "Round", "Floor")
"""What leads from numbers to bytes, beside a Clip."""


def takes_bytes(model: onnx.ModelProto) -> bool:
    """Tell whether a model takes 8-bit pixels."""
    return any(_type(value) == BYTES for value in model.graph.input)


def without_bytes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model of float ends; the same one where its ends are float already."""
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
    """Let casts and roundings that lead to an output hand on what they read."""
    made = {output: node for node in graph.node for output in node.output}
    while (node := made.get(name)) is not None and node.op_type in (*DROPPED, "Clip", "Transpose"):
        if node.op_type in DROPPED:
            del node.attribute[:]
            node.op_type = "Identity"
        name = node.input[0]
