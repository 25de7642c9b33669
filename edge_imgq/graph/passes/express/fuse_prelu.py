"""Fuse a PReLU that is written as rectifiers and products, as TensorFlow exports it.

    relu(x) + a·n(x)  =  PReLU(x; slope),

where n(x) is one of three multiples of min(x, 0):

    min(x, 0)              slope a
    relu(−x) = −min(x, 0)  slope −a
    x − |x| = 2·min(x, 0)  slope 2·a

a holds one number per channel. It may be a product of several constants, and may be subtracted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.affine import affine_of
from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.fusion import clip_bounds
from edge_imgq.graph.network import Activation


def fuse_prelu(model: ir.Model) -> int:
    """Fuse relu(x) + a·min(x, 0), written with rectifiers, |x| and products, into one PRelu node.

    a holds one constant per channel of (N, C, H, W). Its product may be with min(x, 0), relu(−x) or
    x − |x|, for slopes a, −a or 2·a. Exact in real numbers; float32 rounding differs.

    Args:
        model: edited in place.

    Returns:
        The number of PReLUs written.
    """
    nodes = [node for node in model.graph if node.op_type in ("Add", "Sub")]
    return sum(_rewrite(model.graph, node) for node in nodes)


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    first, second = node.inputs
    orders = [(first, second)] if node.op_type == "Sub" else [(first, second), (second, first)]
    for positive, negative in orders:
        source = _rectified(positive)
        slopes = None if source is None else _slopes(negative, source)
        if source is None or slopes is None or is_marked(node):
            continue
        signed = -slopes if node.op_type == "Sub" else slopes
        name = f"{node.name}.prelu"
        array = signed.astype(np.float32).reshape(-1, 1, 1)
        inputs = [source, edit.add_constant(graph, f"{name}.slope", array)]
        result = edit.insert_node(graph, node, "PRelu", inputs, {}, name)
        result.shape = node.outputs[0].shape
        edit.replace_value(node.outputs[0], result)
        edit.remove_dead(node)
        return True
    return False


def _rectified(value: ir.Value | None) -> ir.Value | None:
    """Return x if the value is relu(x), else None."""
    node = edit.find_producer(value)
    return node.inputs[0] if node is not None and node.op_type == "Relu" else None


def _slopes(value: ir.Value | None, source: ir.Value) -> Any:
    """Return the factor per channel of min(source, 0) in a value, or None if there is none."""
    node = edit.find_producer(value)
    multiple = _negative_part(node, source)
    if multiple is not None:
        channels = source.shape[1] if source.shape is not None and len(source.shape) == 4 else None
        return np.full(channels, multiple) if isinstance(channels, int) else None
    factor = affine_of(node) if node is not None else None
    if factor is None or not factor[1].is_pure_scale:
        return None
    inner = _slopes(factor[0], source)
    return None if inner is None else inner * factor[1].scale


def _negative_part(node: ir.Node | None, source: ir.Value) -> float | None:
    """Return k if a node computes k·min(source, 0), else None."""
    if node is None:
        return None
    if clip_bounds(node) == Activation(-np.inf, 0.0):
        return 1.0 if node.inputs[0] is source else None
    if node.op_type == "Relu":
        return -1.0 if _is_negation(node.inputs[0], source) else None
    if node.op_type == "Sub" and node.inputs[0] is source:
        size = edit.find_producer(node.inputs[1])
        is_size = size is not None and size.op_type == "Abs" and size.inputs[0] is source
        return 2.0 if is_size else None
    return None


def _is_negation(value: ir.Value | None, source: ir.Value) -> bool:
    node = edit.find_producer(value)
    factor = affine_of(node) if node is not None else None
    if factor is None or factor[0] is not source or not factor[1].is_pure_scale:
        return False
    return bool(np.all(factor[1].scale == -1))
