"""Rewrite sums and norms over axes as the mean that every target has.

With n the number of elements reduced to one,

    ReduceSum       = mean(x) · n              ReduceSumSquare = mean(x²) · n
    ReduceL1        = mean(|x|) · n            ReduceL2        = √mean(x²) · √n
    GlobalMaxPool   = ReduceMax over height and width
    √(mean(x) · n)  = √mean(x) · √n            for a norm written as several nodes

A mean that drops axes which a later Reshape restores keeps them instead.

A mean stays within float16's range where a sum may not. Eight bits do not represent squares, so the
nodes of the norms are marked as float arithmetic.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked, mark_float
from edge_imgq.graph.operators import AFFINE

KEEPERS = ("ReduceMax", "ReduceMean", "ReduceMin")
SUMS = ("ReduceSum", "ReduceL1", "ReduceL2", "ReduceSumSquare")


def reduce_to_mean(model: ir.Model) -> int:
    """Rewrite sums, L1 and L2 norms as multiples of means, and GlobalMaxPool as ReduceMax.

    With n elements reduced to one, ReduceSum is mean(x) · n, ReduceL1 mean(|x|) · n,
    ReduceSumSquare mean(x²) · n and ReduceL2 √mean(x²) · √n; nodes of norms are marked to compute
    in float in a quantized graph. Reductions whose axes a Reshape restores keep them instead. Axes
    are constant, of known length. Exact in real numbers; float32 rounding differs.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    count = 0
    for node in list(model.graph):
        if node.op_type == "GlobalMaxPool":
            _rewrite_pool(model.graph, node)
            count += 1
        elif node.op_type in SUMS:
            count += _rewrite_sum(model.graph, node)
    count += sum(_take_factor_out(model.graph, n) for n in list(model.graph) if n.op_type == "Sqrt")
    nodes = [node for node in model.graph if node.op_type in KEEPERS]
    return count + sum(_keep_axes(node) for node in nodes)


def _take_factor_out(graph: ir.Graph, root: ir.Node) -> bool:
    """Rewrite √(mean · n) as √mean · √n."""
    product = edit.find_producer(root.inputs[0])
    if product is None or product.op_type != "Mul" or not _by_a_number(product):
        return False
    mean, number = product.inputs if edit.is_constant(product.inputs[1]) else product.inputs[::-1]
    maker, factor = edit.find_producer(mean), float(edit.contents(number).reshape(-1)[0])
    alone = edit.sole_consumer(product.outputs[0]) is root
    if maker is None or maker.op_type != "ReduceMean" or factor <= 0 or not alone:
        return False
    shape, name = root.outputs[0].shape, f"{root.name}.mean"
    inner = edit.insert_node(graph, root, "Sqrt", [mean], {}, name)
    constant = edit.add_constant(graph, f"{name}.factor", np.float32(math.sqrt(factor)))
    scaled = edit.insert_node(graph, root, "Mul", [inner, constant], {}, f"{name}.scaled")
    inner.shape = shape
    if is_marked(root):
        mark_float(edit.producer(inner))
        mark_float(edit.producer(scaled))
    _replace(root, scaled)
    edit.remove_dead(product)
    return True


def _keep_axes(node: ir.Node) -> bool:
    """Keep the axes of a reduction if a Reshape restores them after scalar arithmetic."""
    source, given = node.inputs[0], node.inputs[1] if len(node.inputs) > 1 else None
    if source is None or source.shape is None or not edit.is_constant(given):
        return False
    scaled = [node]
    while (back := edit.sole_consumer(scaled[-1].outputs[0])) is not None and _by_a_number(back):
        scaled.append(back)
    if node.attributes.get_int("keepdims", 1) or back is None:
        return False
    gone = {int(axis) % len(source.shape) for axis in edit.contents(given).reshape(-1)}
    kept = [1 if axis in gone else length for axis, length in enumerate(source.shape)]
    result = back.outputs[0]
    if back.op_type not in ("Reshape", "Unsqueeze") or result.is_graph_output():
        return False
    if result.shape is None or list(result.shape) != kept:
        return False
    node.attributes["keepdims"] = ir.AttrInt64("keepdims", 1)
    for member in scaled:
        member.outputs[0].shape = result.shape
    edit.replace_value(result, scaled[-1].outputs[0])
    edit.remove_dead(back)
    return True


def _by_a_number(node: ir.Node) -> bool:
    constants = [value for value in node.inputs if edit.is_constant(value)]
    single = len(constants) == 1 and edit.contents(constants[0]).size == 1
    return single and node.op_type in AFFINE


def _rewrite_pool(graph: ir.Graph, node: ir.Node) -> None:
    source = node.inputs[0]
    rank = len(source.shape) if source is not None and source.shape is not None else 4
    axes = edit.add_constant(graph, f"{node.name}.axes", np.arange(2, rank))
    maximum = edit.insert_node(graph, node, "ReduceMax", [source, axes], {}, f"{node.name}.max")
    _replace(node, maximum)


def _rewrite_sum(graph: ir.Graph, node: ir.Node) -> bool:
    source = node.inputs[0]
    count = _count(node)
    if source is None or count is None:
        return False
    kind, name = node.op_type, node.name or ""
    inserted: list[ir.Value] = []

    def insert(kind: str, inputs: list[ir.Value | None], like: ir.Value, **attributes: Any) -> Any:
        value = edit.insert_node(graph, node, kind, inputs, attributes, f"{name}.{kind.lower()}")
        value.shape = like.shape
        inserted.append(value)
        return value

    result = node.outputs[0]
    if kind == "ReduceL1":
        source = insert("Abs", [source], source)
    elif kind != "ReduceSum":
        source = insert("Mul", [source, source], source)
    mean = insert("ReduceMean", [source, *node.inputs[1:]], result, **node.attributes)
    if kind == "ReduceL2":
        mean = insert("Sqrt", [mean], result)
    factor = math.sqrt(count) if kind == "ReduceL2" else count
    constant = edit.add_constant(graph, f"{name}.count", np.float32(factor))
    total = insert("Mul", [mean, constant], result)
    if kind != "ReduceSum" or is_marked(node):
        for value in inserted:
            mark_float(edit.producer(value))
    _replace(node, total)
    return True


def _count(node: ir.Node) -> int | None:
    """Return the number of elements reduced to one, or None if unknown."""
    source = node.inputs[0]
    shape = source.shape if source is not None else None
    axes = node.inputs[1] if len(node.inputs) > 1 else None
    if shape is None or "axes" in node.attributes:
        return None
    if axes is not None and not edit.is_constant(axes):
        return None
    named = [] if axes is None else [int(axis) for axis in edit.contents(axes).reshape(-1)]
    if not named and node.attributes.get_int("noop_with_empty_axes", 0) == 1:
        return 1
    lengths = [shape[axis] for axis in named or range(len(shape))]
    known = [length for length in lengths if isinstance(length, int)]
    return math.prod(known) or None if len(known) == len(lengths) else None


def _replace(node: ir.Node, result: ir.Value) -> None:
    result.shape = node.outputs[0].shape
    edit.replace_value(node.outputs[0], result)
    edit.remove_node(node)
