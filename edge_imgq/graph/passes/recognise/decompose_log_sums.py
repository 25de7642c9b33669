"""Decompose logarithms of sums, and named norms, into operators that `reduce_to_mean` covers.

    ReduceLogSum       y = log(Σ x)
    ReduceLogSumExp    y = log(Σ e^(x − m)) + m,         m = max x, so no exponential overflows
    LogSoftmax         y = (x − m) − log(Σ e^(x − m))
    LpNormalization    y = x / max(ǁxǁ, 10⁻¹²)           as torch's F.normalize: 0 where all are 0
    GlobalLpPool       y = ǁxǁ of each channel

ǁxǁ is ReduceL1 or ReduceL2; a GlobalLpPool of another power stays unchanged. Eight bits do not
represent the logarithm of a sum, so the nodes are marked as float arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.passes.insert_before import NodeInserter

NORMS = {1: "ReduceL1", 2: "ReduceL2"}
"""Norm operator, by the power p of (Σ |x|ᵖ)^(1/p)."""

MIN_NORM = 1e-12
"""Lower bound of the divisor, as in torch's F.normalize."""


def decompose_log_sums(model: ir.Model) -> int:
    """Decompose ReduceLogSum, ReduceLogSumExp, LogSoftmax, LpNormalization and GlobalLpPool.

    They become sums, norms, Exp and Log, marked as float arithmetic. Only powers 1 and 2 are
    covered. Exact in real numbers, except for LpNormalization of norms below 10⁻¹²; float32
    rounding differs.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    nodes = [n for n in model.graph if n.op_type in DECOMPOSITIONS and _power(n) in NORMS]
    for node in nodes:
        result = DECOMPOSITIONS[node.op_type](NodeInserter(model.graph, node))
        result.shape = node.outputs[0].shape
        edit.replace_value(node.outputs[0], result)
        edit.remove_node(node)
    return len(nodes)


def _power(node: ir.Node) -> int:
    return node.attributes.get_int("p", 2)


def _log_sum(place: NodeInserter) -> ir.Value:
    node, result = place.node, place.node.outputs[0]
    total = place.in_float(
        "ReduceSum", place.source, *node.inputs[1:], like=result, **node.attributes
    )
    return place.in_float("Log", total, like=result)


def _log_sum_of_powers(place: NodeInserter) -> ir.Value:
    node, result = place.node, place.node.outputs[0]
    axes, attributes = node.inputs[1:], dict(node.attributes)
    kept = {**attributes, "keepdims": 1}
    is_kept = node.attributes.get_int("keepdims", 1) == 1
    greatest = place.insert(
        "ReduceMax", place.source, *axes, like=result if is_kept else None, **kept
    )
    below = place.in_float("Sub", place.source, greatest, like=place.source)
    power = place.in_float("Exp", below, like=place.source)
    total = place.in_float("ReduceSum", power, *axes, like=result, **attributes)
    if not is_kept:
        greatest = place.insert("ReduceMax", place.source, *axes, like=result, **attributes)
    return place.in_float("Add", place.in_float("Log", total, like=result), greatest, like=result)


def _log_softmax(place: NodeInserter) -> ir.Value:
    axes = place.constant("axes", np.array([place.node.attributes.get_int("axis", -1)]))
    greatest = place.insert("ReduceMax", place.source, axes, like=None, keepdims=1)
    below = place.in_float("Sub", place.source, greatest, like=place.source)
    power = place.in_float("Exp", below, like=place.source)
    total = place.in_float("ReduceSum", power, axes, like=None, keepdims=1)
    return place.in_float("Sub", below, place.in_float("Log", total, like=None), like=place.source)


def _normalised(place: NodeInserter) -> ir.Value:
    axes = place.constant("axes", np.array([place.node.attributes.get_int("axis", -1)]))
    norm = place.insert(NORMS[_power(place.node)], place.source, axes, like=None, keepdims=1)
    least = place.constant("least", np.float32(MIN_NORM))
    return place.in_float(
        "Div", place.source, place.insert("Clip", norm, least, like=None), like=place.source
    )


def _norm_of_channels(place: NodeInserter) -> ir.Value:
    rank = 4 if place.source.shape is None else len(place.source.shape)
    axes = place.constant("axes", np.arange(2, rank))
    result = place.node.outputs[0]
    return place.insert(NORMS[_power(place.node)], place.source, axes, like=result, keepdims=1)


DECOMPOSITIONS: dict[str, Callable[[NodeInserter], ir.Value]] = {
    "GlobalLpPool": _norm_of_channels,
    "LogSoftmax": _log_softmax,
    "LpNormalization": _normalised,
    "ReduceLogSum": _log_sum,
    "ReduceLogSumExp": _log_sum_of_powers,
}
"""Function that writes the decomposition, by operator."""
