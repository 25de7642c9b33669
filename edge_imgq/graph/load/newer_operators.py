"""Decompose operators newer than the project's opset by their ONNX function bodies.

ONNX defines Swish, SwiGLU, RMSNormalization, RotaryEmbedding, Attention, SpaceToDepth's CRD mode
and others by bodies of older operators. Nodes are replaced by their bodies until none is left that
has one. Operators that are still unknown, such as TensorScatter, have no older equivalent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import onnx
from onnx import helper
from onnx.defs import OpSchema, SchemaError, get_schema
from onnx.inliner import inline_local_functions

from edge_imgq.errors import ModelError
from edge_imgq.graph.shapes.shape_inference import infer_shapes

STANDARD = ("", "ai.onnx")

DOMAIN = "edge_imgq.definition"
"""Temporary domain of the function bodies until they are inlined."""

FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)

FLOORED_MOD = """
Mod (x, y) => (z) {
    r = Mod <fmod = 1> (x, y)
    p = Mul (r, y)
    zero = Constant <value_float = 0.0> ()
    apart = Less (p, zero)
    shifted = Add (r, y)
    z = Where (apart, shifted, r)
}
"""
"""Mod of floats with the divisor's sign, allowed since opset 28; exact.

It is the truncated remainder of opset 21, plus the divisor if the signs differ.
"""


def with_older_operators(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """Return a copy with operators newer than `opset` replaced by the older ones that define them.

    ONNX defines Swish, RMSNormalization, Attention and others by function bodies of older
    operators; these are inlined until no newer operator has one. Newer operators without a body,
    such as TensorScatter, are kept. The result is the same up to float rounding.

    Args:
        model: model of a newer opset; not changed. The copy still states its opset.
        opset: version of the standard opset whose operators are wanted.
    """
    version = max(o.version for o in model.opset_import if o.domain in STANDARD)
    result = onnx.ModelProto()
    result.CopyFrom(model)
    while calls := _replaceable(result, opset, version):
        types = _types(result)
        result.opset_import.append(helper.make_opsetid(DOMAIN, 1))
        for number, node in enumerate(calls):
            body = _definition(node, version, types)
            body.domain, body.name = DOMAIN, f"{node.op_type}_{number}"
            result.functions.append(body)
            node.domain, node.op_type = body.domain, body.name
        result = inline_local_functions(result)
    return result


def state_casts(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace CastLike by Cast to the inferred type of its second input; exact.

    CastLike nodes for which that type is unknown are kept.

    Returns:
        A copy, or the model itself if it has no CastLike.
    """
    if not any(node.op_type == "CastLike" for node in model.graph.node):
        return model
    result = onnx.ModelProto()
    result.CopyFrom(model)
    types = _types(result)
    for node in result.graph.node:
        like = types.get(node.input[1]) if node.op_type == "CastLike" else None
        if like is not None and like.tensor_type.elem_type:
            to = like.tensor_type.elem_type
            node.CopyFrom(helper.make_node("Cast", node.input[:1], node.output, node.name, to=to))
    return result


def refuse_newer(model: onnx.ModelProto, opset: int) -> None:
    """Refuse a model with standard operators or attributes that an older opset does not know.

    Args:
        model: not changed.
        opset: version of the standard opset.

    Raises:
        ModelError: there are such operators; the message names the first four.
    """
    newer = [
        f"{node.op_type} '{node.name or node.output[0]}'{_unknown_part(node, opset)}"
        for node in model.graph.node
        if node.domain in STANDARD and _unknown_part(node, opset) is not None
    ]
    if newer:
        raise ModelError(
            f"it holds {', '.join(newer[:4])}{' and others' if len(newer) > 4 else ''}, which "
            f"came after opset {opset} and ONNX does not define by older operators. Export it for "
            f"opset {opset}"
        )


def _unknown_part(node: onnx.NodeProto, opset: int) -> str | None:
    """Describe the part of a node unknown to an opset: "" for the operator itself; else None."""
    schema = _schema(node.op_type, opset)
    if schema is None:
        return ""
    unknown = [a.name for a in node.attribute if a.name not in schema.attributes]
    return f" with {unknown[0]}" if unknown else None


def _schema(kind: str, opset: int) -> OpSchema | None:
    try:
        return get_schema(kind, opset)
    except SchemaError:
        return None


def _replaceable(model: onnx.ModelProto, opset: int, version: int) -> list[onnx.NodeProto]:
    """Return the nodes that need an ONNX function body and have one."""
    nodes = [node for node in model.graph.node if node.domain in STANDARD]
    types = _types(model) if any(node.op_type == "Mod" for node in nodes) else {}
    return [
        node
        for node in nodes
        if _is_floored(node, version, types) or _has_definition(node, opset, version)
    ]


def _has_definition(node: onnx.NodeProto, opset: int, version: int) -> bool:
    schema = _schema(node.op_type, version)
    if schema is None or not (schema.has_function or schema.has_context_dependent_function):
        return False
    return _unknown_part(node, opset) is not None


def _is_floored(node: onnx.NodeProto, version: int, types: dict[str, onnx.TypeProto]) -> bool:
    """Return True for a Mod of floats without fmod."""
    if node.op_type != "Mod" or version < 28 or any(a.i for a in node.attribute):
        return False
    kind = types.get(node.input[0], onnx.TypeProto()).tensor_type.elem_type
    return kind in FLOATS


def _definition(
    node: onnx.NodeProto, version: int, types: dict[str, onnx.TypeProto]
) -> onnx.FunctionProto:
    """Return the function body of one node, with all its attributes bound."""
    if node.op_type == "Mod":
        body = onnx.parser.parse_function(
            f'<domain: "{DOMAIN}", opset_import: ["" : {version}]>' + FLOORED_MOD
        )
        del node.attribute[:]
        return body
    schema = get_schema(node.op_type, version)
    given = {attribute.name for attribute in node.attribute}
    for name, attribute in schema.attributes.items():
        if name not in given and attribute.default_value.name:
            node.attribute.append(attribute.default_value)
    body = onnx.FunctionProto()
    if schema.has_function:
        body.CopyFrom(schema.function_body)
    else:
        inputs = [types.get(name, onnx.TypeProto()).SerializeToString() for name in node.input]
        body.ParseFromString(
            schema.get_context_dependent_function(node.SerializeToString(), inputs)
        )
    _at(body, version)
    return body


def _at(body: onnx.FunctionProto, version: int) -> None:
    """Set the opset of a body to the model's."""
    del body.opset_import[:]
    body.opset_import.append(helper.make_opsetid("", version))


def _types(model: onnx.ModelProto) -> dict[str, onnx.TypeProto]:
    """Return the known type of every value of a graph, by name."""
    graph = infer_shapes(model).graph
    values: Iterable[Any] = (*graph.input, *graph.value_info, *graph.output)
    types = {value.name: value.type for value in values}
    for tensor in graph.initializer:
        types[tensor.name] = helper.make_tensor_type_proto(tensor.data_type, list(tensor.dims))
    return types
