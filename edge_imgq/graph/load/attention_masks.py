"""Replace minus infinity in attention masks, as torch's masked_fill(mask, -inf) exports it.

e^(x − max) is 0 in float32 for x more than 104 below the maximum. So a large negative number masks
exactly as minus infinity does while scores lie within ±14,000. Unlike infinity it can be added to,
multiplied by 1 and stored in float16.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edge_imgq.graph.operators import MOVING

MASKED = -30000.0
"""Finite replacement for minus infinity; adding a score keeps it within float16."""

CARRIERS = MOVING | {"Add", "Cast", "CastLike", "Where"}
"""Operators through which a mask reaches the scores."""


def with_finite_masks(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace minus infinity by −30000 in constants that are attention masks.

    A mask is a float32 or float16 constant whose every path, through additions, casts, Where and
    operators that only move values, ends in a Softmax; it holds no other infinity and no NaN.
    Exact in float32 for scores within ±14,000, where the masked terms are 0 in either case.

    Returns:
        A copy, or the model itself if it has no such constant.
    """
    chosen = [name for name in _infinite(model.graph) if _ends_in_softmax(model.graph, name)]
    if not chosen:
        return model
    result = onnx.ModelProto()
    result.CopyFrom(model)
    for tensor in result.graph.initializer:
        if tensor.name in chosen:
            tensor.CopyFrom(_finite(tensor))
    for node in result.graph.node:
        if node.op_type == "Constant" and node.output[0] in chosen:
            value = _finite(_stored(node))
            del node.attribute[:]
            node.attribute.append(helper.make_attribute("value", value))
    return result


def _infinite(graph: onnx.GraphProto) -> list[str]:
    """Return the names of constants that hold minus infinity and otherwise only finite numbers."""
    constants = [node for node in graph.node if node.op_type == "Constant"]
    stored = {node.output[0]: _stored(node) for node in constants}
    stored |= {tensor.name: tensor for tensor in graph.initializer}
    return [name for name, tensor in stored.items() if _masks(tensor)]


def _masks(tensor: onnx.TensorProto) -> bool:
    if tensor.data_type not in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16):
        return False
    values = numpy_helper.to_array(tensor)
    return bool(np.isneginf(values).any() and np.isfinite(values[~np.isneginf(values)]).all())


def _stored(node: onnx.NodeProto) -> onnx.TensorProto:
    """Return the tensor of a Constant; an empty one if it holds neither tensor nor float."""
    for attribute in node.attribute:
        if attribute.name == "value":
            return attribute.t
        if attribute.name == "value_float":
            return numpy_helper.from_array(np.float32(attribute.f))
    return onnx.TensorProto()


def _finite(tensor: onnx.TensorProto) -> onnx.TensorProto:
    values = numpy_helper.to_array(tensor)
    finite = np.where(np.isneginf(values), MASKED, values).astype(values.dtype)
    return numpy_helper.from_array(finite, tensor.name)


def _ends_in_softmax(graph: onnx.GraphProto, name: str) -> bool:
    """Return True if every path from a value leads to a Softmax through CARRIERS."""
    outputs = {value.name for value in graph.output}
    waiting, visited = [name], {name}
    while waiting:
        value = waiting.pop()
        readers = [node for node in graph.node if value in node.input]
        if value in outputs or not readers or not _are_carriers(readers):
            return False
        new = {o for node in readers if node.op_type in CARRIERS for o in node.output} - visited
        visited |= new
        waiting.extend(new)
    return True


def _are_carriers(readers: Iterable[onnx.NodeProto]) -> bool:
    return all(not node.domain and node.op_type in CARRIERS | {"Softmax"} for node in readers)
