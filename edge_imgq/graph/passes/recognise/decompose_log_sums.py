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

    They become ReduceSum, ReduceMax, ReduceL1, ReduceL2, Exp, Log and arithmetic, of which all but
    maxima and norms are marked to compute in float in a quantized graph. Exponentials are of
    x − max x, so they do not overflow. Covers the powers 1 and 2 of the last two. Exact in real
    numbers, except for LpNormalization of norms below 10⁻¹²; float32 rounding differs.

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


def _log_sum(inserter: NodeInserter) -> ir.Value:
    node, result = inserter.node, inserter.node.outputs[0]
    total = inserter.in_float(
        "ReduceSum", inserter.source, *node.inputs[1:], like=result, **node.attributes
    )
    return inserter.in_float("Log", total, like=result)


def _log_sum_of_powers(inserter: NodeInserter) -> ir.Value:
    node, result = inserter.node, inserter.node.outputs[0]
    axes, attributes = node.inputs[1:], dict(node.attributes)
    kept = {**attributes, "keepdims": 1}
    is_kept = node.attributes.get_int("keepdims", 1) == 1
    greatest = inserter.insert(
        "ReduceMax", inserter.source, *axes, like=result if is_kept else None, **kept
    )
    below = inserter.in_float("Sub", inserter.source, greatest, like=inserter.source)
    power = inserter.in_float("Exp", below, like=inserter.source)
    total = inserter.in_float("ReduceSum", power, *axes, like=result, **attributes)
    if not is_kept:
        greatest = inserter.insert("ReduceMax", inserter.source, *axes, like=result, **attributes)
    return inserter.in_float(
        "Add", inserter.in_float("Log", total, like=result), greatest, like=result
    )


def _log_softmax(inserter: NodeInserter) -> ir.Value:
    axes = inserter.constant("axes", np.array([inserter.node.attributes.get_int("axis", -1)]))
    greatest = inserter.insert("ReduceMax", inserter.source, axes, like=None, keepdims=1)
    below = inserter.in_float("Sub", inserter.source, greatest, like=inserter.source)
    power = inserter.in_float("Exp", below, like=inserter.source)
    total = inserter.in_float("ReduceSum", power, axes, like=None, keepdims=1)
    return inserter.in_float(
        "Sub", below, inserter.in_float("Log", total, like=None), like=inserter.source
    )


def _normalised(inserter: NodeInserter) -> ir.Value:
    axes = inserter.constant("axes", np.array([inserter.node.attributes.get_int("axis", -1)]))
    norm = inserter.insert(
        NORMS[_power(inserter.node)], inserter.source, axes, like=None, keepdims=1
    )
    least = inserter.constant("least", np.float32(MIN_NORM))
    return inserter.in_float(
        "Div",
        inserter.source,
        inserter.insert("Clip", norm, least, like=None),
        like=inserter.source,
    )


def _norm_of_channels(inserter: NodeInserter) -> ir.Value:
    rank = 4 if inserter.source.shape is None else len(inserter.source.shape)
    axes = inserter.constant("axes", np.arange(2, rank))
    result = inserter.node.outputs[0]
    return inserter.insert(
        NORMS[_power(inserter.node)], inserter.source, axes, like=result, keepdims=1
    )


DECOMPOSITIONS: dict[str, Callable[[NodeInserter], ir.Value]] = {
    "GlobalLpPool": _norm_of_channels,
    "LogSoftmax": _log_softmax,
    "LpNormalization": _normalised,
    "ReduceLogSum": _log_sum,
    "ReduceLogSumExp": _log_sum_of_powers,
}
"""Function that writes the decomposition, by operator."""
