"""Decompose the deprecated GroupNormalization of opsets 18 to 20 into older operators.

Its scale and bias held one number per group; from opset 21 on they hold one per channel. Exporters
wrote both into the older opsets. With G groups,

    y = Reshape(InstanceNormalization(Reshape(x, (N, G, rest)), scale, bias), shape of x).

Numbers per channel become a Mul and an Add after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[Any]

FIRST, LAST = 18, 20


def without_old_groups(model: onnx.ModelProto) -> onnx.ModelProto:
    """Decompose GroupNormalization of opsets 18 to 20, whose scale and bias were per group.

    It becomes Reshape to (N, groups, rest), InstanceNormalization and Reshape back; scale and bias
    that are per channel nevertheless become a Mul and an Add after it. Exact in real numbers. Nodes
    with computed scale or bias are kept, and ONNX's checker refuses them.

    Returns:
        A copy, or the model itself if it has no such node or another opset.
    """
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
    kinds = {node.op_type for node in model.graph.node}
    if not FIRST <= opset <= LAST or "GroupNormalization" not in kinds:
        return model
    result = onnx.ModelProto()
    result.CopyFrom(model)
    nodes = list(result.graph.node)
    del result.graph.node[:]
    for node in nodes:
        is_old = node.op_type == "GroupNormalization"
        result.graph.node.extend(_decomposed(result.graph, node) if is_old else [node])
    return result


def _decomposed(graph: onnx.GraphProto, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """Return the nodes that replace one node; the node itself if scale or bias is computed."""
    constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    if any(name not in constants for name in node.input[1:]):
        return [node]
    scale, shift = (constants[name] for name in node.input[1:])
    groups, result = _attributes(node)["num_groups"], node.output[0]
    if scale.size == groups:
        return _norm(graph, node, result, scale, shift)
    normal = f"{result}.normal"
    return [
        *_norm(graph, node, normal, np.ones(groups), np.zeros(groups)),
        *_affine(graph, normal, result, scale, shift),
    ]


def _norm(
    graph: onnx.GraphProto, node: onnx.NodeProto, result: str, scale: Numbers, shift: Numbers
) -> list[onnx.NodeProto]:
    """Return the normalisation of a node's groups, with one scale and bias per group."""
    attributes, name, source = _attributes(node), node.output[0], node.input[0]
    rows, gain, bias = (f"{name}.{suffix}" for suffix in ("rows", "g", "b"))
    _register(graph, rows, np.array([0, attributes["num_groups"], -1], np.int64))
    _register(graph, gain, scale.astype(np.float32))
    _register(graph, bias, shift.astype(np.float32))
    grouped, normal = f"{name}.groups", f"{name}.instance"
    epsilon = attributes.get("epsilon", 1e-5)
    return [
        helper.make_node("Shape", [source], [f"{name}.shape"]),
        helper.make_node("Reshape", [source, rows], [grouped]),
        helper.make_node("InstanceNormalization", [grouped, gain, bias], [normal], epsilon=epsilon),
        helper.make_node("Reshape", [normal, f"{name}.shape"], [result]),
    ]


def _affine(
    graph: onnx.GraphProto, source: str, result: str, scale: Numbers, shift: Numbers
) -> list[onnx.NodeProto]:
    """Return a Mul and an Add with one number per channel."""
    factor, offset = f"{result}.s", f"{result}.t"
    _register(graph, factor, scale.reshape(-1, 1, 1))
    _register(graph, offset, shift.reshape(-1, 1, 1))
    return [
        helper.make_node("Mul", [source, factor], [f"{result}.scaled"]),
        helper.make_node("Add", [f"{result}.scaled", offset], [result]),
    ]


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _register(graph: onnx.GraphProto, name: str, values: Numbers) -> None:
    graph.initializer.append(numpy_helper.from_array(values, name))
