"""Rewrite a normalisation whose product was expanded in its factored form.

With k = r·γ, r the reciprocal of the deviation, TensorFlow writes

    x·k + (β − m·k)        instead of        (x − m)·r·γ + β.

Both are equal; `edge_imgq.graph.passes.normalise.decompose_norm` matches the second. The graph
already computes x − m, whose square gives the variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

from edge_imgq.graph import edit


@dataclass(frozen=True)
class _Offset:
    """The values m, k and β of β − m·k; `shift` is None for −m·k."""

    mean: ir.Value
    factor: ir.Value
    shift: ir.Value | None


def fuse_expanded_norm(model: ir.Model) -> int:
    """Rewrite each normalisation written as x·k + (β − m·k) as (x − m)·r·γ + β.

    m is a mean of x and k = r·γ, with r a Reciprocal (of the deviation) and constants γ and β, or
    none. TensorFlow writes the first form; x − m must be computed already, for the variance. Exact
    in real numbers; float32 rounding differs.

    Args:
        model: edited in place.

    Returns:
        The number of normalisations rewritten.
    """
    nodes = [node for node in model.graph if node.op_type in ("Add", "Sub")]
    return sum(_rewrite(model.graph, node) for node in nodes)


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    for index in (0, 1) if node.op_type == "Add" else (0,):
        scaled = edit.find_producer(node.inputs[index])
        offset = edit.find_producer(node.inputs[1 - index])
        if scaled is None or offset is None or scaled.op_type != "Mul":
            continue
        offset_of_mean = _offset(offset) if node.op_type == "Add" else _product(offset, None)
        for source, factor in (scaled.inputs, scaled.inputs[::-1]):
            if (
                offset_of_mean is not None
                and source is not None
                and factor is offset_of_mean.factor
            ):
                return _gather(graph, node, source, offset_of_mean)
    return False


def _offset(node: ir.Node) -> _Offset | None:
    """Return m, k and β of β − m·k, −m·k + β or −m·k; None for any other node."""
    if node.op_type == "Sub" and edit.is_constant(node.inputs[0]):
        return _product(edit.find_producer(node.inputs[1]), node.inputs[0])
    if node.op_type == "Add":
        for product, shift in (node.inputs, node.inputs[::-1]):
            if edit.is_constant(shift):
                return _negated(edit.find_producer(product), shift)
    return _negated(node, None)


def _product(node: ir.Node | None, shift: ir.Value | None) -> _Offset | None:
    """Return the operands of a product of a mean and a factor, or None."""
    if node is None or node.op_type != "Mul":
        return None
    for mean, factor in (node.inputs, node.inputs[::-1]):
        producer = edit.find_producer(mean)
        if mean is not None and factor is not None and _is_mean(producer):
            return _Offset(mean, factor, shift)
    return None


def _negated(node: ir.Node | None, shift: ir.Value | None) -> _Offset | None:
    """Return the operands of a product of a negated mean and a factor, or None."""
    for mean, factor in () if node is None or node.op_type != "Mul" else _both(node):
        producer = edit.find_producer(mean)
        if producer is not None and producer.op_type == "Neg" and factor is not None:
            source = producer.inputs[0]
            if source is not None and _is_mean(edit.find_producer(source)):
                return _Offset(source, factor, shift)
    return None


def _both(node: ir.Node) -> tuple[tuple[ir.Value | None, ir.Value | None], ...]:
    return (node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])


def _gather(
    graph: ir.Graph,
    node: ir.Node,
    source: ir.Value,
    offset: _Offset,
) -> bool:
    centred = _centred(source, offset.mean)
    inverse, gain = _inverse_and_gain(offset.factor)
    if centred is None or inverse is None:
        return False
    name = node.name or "norm"
    result = edit.insert_node(graph, node, "Mul", [centred, inverse], {}, f"{name}.normal")
    result.shape = source.shape
    for kind, constant in (("Mul", gain), ("Add", offset.shift)):
        if constant is not None:
            operands = [result, constant]
            result = edit.insert_node(graph, node, kind, operands, {}, f"{name}.{kind.lower()}")
            result.shape = node.outputs[0].shape
    edit.replace_value(node.outputs[0], result)
    edit.remove_dead(node)
    return True


def _centred(source: ir.Value, mean: ir.Value) -> ir.Value | None:
    """Return x − m if the graph computes it, else None."""
    for reader in mean.consumers():
        if reader.op_type == "Sub" and reader.inputs[0] is source and reader.inputs[1] is mean:
            return reader.outputs[0]
    return None


def _inverse_and_gain(factor: ir.Value) -> tuple[ir.Value | None, ir.Value | None]:
    """Return the reciprocal deviation and γ of a factor; (None, None) for any other value."""
    node = edit.find_producer(factor)
    if node is not None and node.op_type == "Reciprocal":
        return factor, None
    for inverse, gain in () if node is None or node.op_type != "Mul" else _both(node):
        producer = edit.find_producer(inverse)
        if producer is not None and producer.op_type == "Reciprocal" and edit.is_constant(gain):
            return inverse, gain
    return None, None


def _is_mean(node: ir.Node | None) -> bool:
    return node is not None and node.op_type in ("ReduceMean", "GlobalAveragePool")
