"""Consistency check of a graph: recorded shapes and types against inferred ones."""

from __future__ import annotations

import onnx
import onnx_ir as ir

from edge_imgq.errors import FaultError
from edge_imgq.graph.shapes.shape_inference import infer_shapes

Kind = tuple[int, tuple[int | None, ...] | None]
"""Element type and lengths of a value; None where unknown."""


def check_graph(model: ir.Model, stage: str) -> None:
    """Check a graph with ONNX's checker, and its recorded shapes and types against inferred ones.

    Lengths that are unknown on either side agree.

    Args:
        model: not changed.
        stage: name of the stage that made the graph, for the message.

    Raises:
        FaultError: a node, type or shape is wrong; the message names the first.
    """
    proto = ir.to_proto(model)
    recorded = {value.name: _kind(value) for value in _values(proto)}
    try:
        onnx.checker.check_model(infer_shapes(proto))  # which asks for the shapes of outputs
        del proto.graph.value_info[:]
        for output in proto.graph.output:
            output.type.tensor_type.ClearField("shape")
        inferred = infer_shapes(proto, strict=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise FaultError(f"The graph after '{stage}' is not valid ONNX: {error}") from error
    for value in _values(inferred):
        wrong = value.name in recorded and _difference(recorded[value.name], _kind(value))
        if wrong:
            raise FaultError(f"After '{stage}', '{value.name}' is said to have {wrong}.")


def _values(proto: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    return [*proto.graph.value_info, *proto.graph.output]


def _kind(value: onnx.ValueInfoProto) -> Kind:
    tensor = value.type.tensor_type
    lengths = tuple(d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim)
    return tensor.elem_type, lengths if tensor.HasField("shape") else None


def _difference(recorded: Kind, inferred: Kind) -> str:
    """Describe how the recorded type or shape differs from the inferred; empty if they agree."""
    if recorded[0] and inferred[0] and recorded[0] != inferred[0]:
        names = [
            onnx.TensorProto.DataType.Name(kind).lower() for kind in (recorded[0], inferred[0])
        ]
        return f"the type {names[0]}, and has {names[1]}"
    if recorded[1] is None or inferred[1] is None:
        return ""
    same = len(recorded[1]) == len(inferred[1]) and all(
        None in pair or pair[0] == pair[1] for pair in zip(recorded[1], inferred[1], strict=True)
    )
    return "" if same else f"the shape {_words(recorded[1])}, and has {_words(inferred[1])}"


def _words(lengths: tuple[int | None, ...]) -> str:
    return "×".join("?" if length is None else str(length) for length in lengths) or "of a number"
