"""Merge consecutive clips, and write maximum and minimum with a constant as Clip.

    clip(clip(x, l, h), l', h') = clip(x, l″, h″),    l″ = clip(l, l', h'),  h″ = clip(h, l', h'),
    max(x, c) = clip(x, c, ∞),     min(x, c) = clip(x, −∞, c),     relu(x) = clip(x, 0, ∞).

A Clip with computed bounds is written as min(max(x, l), h).

A single Clip is fused into the preceding operator; of two, the second would remain a node.
"""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.fusion import clip_bounds
from edge_imgq.graph.network import Activation


def merge_clips(model: ir.Model) -> int:
    """Write Max and Min with a constant as Clip, and merge consecutive clips; bit-exact.

    Relu counts as a clip; constants are one number each. Two clips are merged if the second is the
    only reader of the first; bounds 0 and ∞ are written as Relu. A Clip with computed bounds
    becomes Max and Min. Nodes marked as float arithmetic are left unchanged.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    computed = sum(_split_computed(model.graph, node) for node in list(model.graph))
    return computed + sum(_rewrite(model.graph, node) for node in list(model.graph))


def _split_computed(graph: ir.Graph, node: ir.Node) -> bool:
    """Write a Clip with computed bounds as Max and Min."""
    if node.op_type != "Clip" or all(edit.is_constant(v) for v in node.inputs[1:] if v is not None):
        return False
    result = node.inputs[0]
    for kind, bound in zip(("Max", "Min"), node.inputs[1:], strict=False):
        if bound is not None:
            name = f"{node.name}.{kind.lower()}"
            result = edit.insert_node(graph, node, kind, [result, bound], {}, name)
            result.shape = node.outputs[0].shape
    assert result is not None
    edit.replace_value(node.outputs[0], result)
    edit.remove_node(node)
    return True


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    clip = _bounds(node)
    if clip is None or is_marked(node):
        return False
    source, bounds = clip
    before = source.producer()
    inner = _bounds(before) if before is not None else None
    if inner is not None and edit.sole_consumer(source) is node:
        source, bounds = inner[0], _within(inner[1], bounds)
    elif node.op_type in ("Relu", "Clip"):
        return False
    result = _insert(graph, node, source, bounds)
    result.shape = node.outputs[0].shape
    edit.replace_value(node.outputs[0], result)
    edit.remove_dead(node)
    return True


def _bounds(node: ir.Node) -> tuple[ir.Value, Activation] | None:
    """Return the input of a clipping node and its constant bounds, or None."""
    source = node.inputs[0] if node.inputs else None
    if node.op_type in ("Max", "Min") and len(node.inputs) == 2:
        return _extremum(node)
    bounds = clip_bounds(node)
    return None if source is None or bounds is None else (source, bounds)


def _extremum(node: ir.Node) -> tuple[ir.Value, Activation] | None:
    first, second = node.inputs
    source, number = (second, first) if edit.is_constant(first) else (first, second)
    if source is None or edit.is_constant(source) or not edit.is_constant(number):
        return None
    values = edit.contents(number)
    rank = len(source.shape) if source.shape is not None else 0
    if values.size != 1 or values.ndim > rank:
        return None
    if source.dtype not in (None, ir.DataType.FLOAT):
        return None
    value = float(values.reshape(-1)[0])
    is_max = node.op_type == "Max"
    return source, Activation(value, math.inf) if is_max else Activation(-math.inf, value)


def _within(inner: Activation, outer: Activation) -> Activation:
    low, high = (min(max(b, outer.low), outer.high) for b in (inner.low, inner.high))
    return Activation(low, high)


def _insert(graph: ir.Graph, node: ir.Node, source: ir.Value, bounds: Activation) -> ir.Value:
    name = f"{node.name}.clipped"
    if bounds == Activation(0.0, math.inf):
        return edit.insert_node(graph, node, "Relu", [source], {}, name)
    inputs: list[ir.Value | None] = [source]
    for value, suffix in ((bounds.low, "low"), (bounds.high, "high")):
        bound = None
        if math.isfinite(value):
            bound = edit.add_constant(graph, f"{name}.{suffix}", np.float32(value))
        inputs.append(bound)
    while inputs[-1] is None:
        inputs.pop()
    return edit.insert_node(graph, node, "Clip", inputs, {}, name)
