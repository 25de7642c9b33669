"""Rewrite products and slopes in the one form that targets have.

Gemm of a transposed input         Gemm(xᵀ, W, b), with a separate Transpose node
Gemm with a matrix C               Gemm(x, W) + β·C
MatMul of a vector                 MatMul of a matrix of one row or column, then Squeeze
PRelu with slopes per pixel        relu(x) + slope · min(x, 0)
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit


def normalize_gemm(model: ir.Model) -> int:
    """Rewrite Gemm, MatMul and PRelu in the form that all targets support.

    The transA of a Gemm becomes a Transpose before it, its constant C of several rows an Add after
    it, a MatMul of a vector one of a matrix and a Squeeze; a PRelu with constant slopes that differ
    along other axes than the channels becomes relu(x) + slope · min(x, 0). Exact in real numbers;
    float32 rounding may differ.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    count = 0
    for node in list(model.graph):
        rewrite = REWRITES.get(node.op_type)
        count += rewrite(model.graph, node) if rewrite is not None else 0
    return count


def _gemm(graph: ir.Graph, node: ir.Node) -> int:
    return _transpose_input(graph, node) + _add_after_product(graph, node)


def _transpose_input(graph: ir.Graph, node: ir.Node) -> int:
    source = node.inputs[0]
    if not node.attributes.get_int("transA", 0) or source is None or source.shape is None:
        return 0
    name = f"{node.name}.rows"
    turned = edit.insert_node(graph, node, "Transpose", [source], {"perm": [1, 0]}, name)
    turned.shape = ir.Shape(list(source.shape)[::-1])
    node.replace_input_with(0, turned)
    node.attributes["transA"] = ir.AttrInt64("transA", 0)
    return 1


def _add_after_product(graph: ir.Graph, node: ir.Node) -> int:
    """Add a matrix C after the product, because a bias holds one number per column."""
    offset = node.inputs[2] if len(node.inputs) > 2 else None
    if offset is None or not edit.is_constant(offset) or edit.contents(offset).ndim < 2:
        return 0
    values, result = edit.contents(offset), node.outputs[0]
    if values.shape[0] == 1:
        return 0
    scaled = values * np.float32(node.attributes.get_float("beta", 1.0))
    name = node.name or "gemm"
    attributes = {key: attr for key, attr in node.attributes.items() if key != "beta"}
    product = edit.insert_node(graph, node, "Gemm", node.inputs[:2], attributes, f"{name}.product")
    table = edit.add_constant(graph, f"{name}.offsets", scaled)
    total = edit.insert_node(graph, node, "Add", [product, table], {}, f"{name}.sum")
    product.shape = total.shape = result.shape
    edit.replace_value(result, total)
    edit.remove_node(node)
    return 1


def _vector_product(graph: ir.Graph, node: ir.Node) -> int:
    ranks = [len(v.shape) if v is not None and v.shape is not None else 0 for v in node.inputs]
    name, result = node.name or "product", node.outputs[0]
    if 1 not in ranks or 0 in ranks or result.shape is None:
        return 0
    factors = [
        _lifted(graph, node, index, axis) if rank == 1 else value
        for index, (value, rank, axis) in enumerate(zip(node.inputs, ranks, (0, 1), strict=True))
    ]
    gone = [axis for axis, rank in ((-2, ranks[0]), (-1, ranks[1])) if rank == 1]
    product = edit.insert_node(graph, node, "MatMul", factors, {}, f"{name}.matrix")
    lengths, rank = iter(result.shape), len(result.shape) + len(gone)
    product.shape = ir.Shape([1 if axis in gone else next(lengths) for axis in range(-rank, 0)])
    axes = edit.add_constant(graph, f"{name}.axes", np.array(gone, np.int64))
    flat = edit.insert_node(graph, node, "Squeeze", [product, axes], {}, f"{name}.vector")
    flat.shape = result.shape
    edit.replace_value(result, flat)
    edit.remove_node(node)
    return 1


def _lifted(graph: ir.Graph, node: ir.Node, index: int, axis: int) -> ir.Value:
    value = node.inputs[index]
    assert value is not None
    name = f"{node.name}.lifted{index}"
    if edit.is_constant(value):
        return edit.add_constant(graph, name, np.expand_dims(edit.contents(value), axis))
    axes = edit.add_constant(graph, f"{name}.axes", np.array([axis], np.int64))
    lifted = edit.insert_node(graph, node, "Unsqueeze", [value, axes], {}, name)
    lifted.shape = ir.Shape([1, *(value.shape or ())] if axis == 0 else [*(value.shape or ()), 1])
    return lifted


def _slope_of_pixels(graph: ir.Graph, node: ir.Node) -> int:
    source, slope = node.inputs
    if source is None or source.shape is None or slope is None or not edit.is_constant(slope):
        return 0
    values, rank = edit.contents(slope), len(source.shape)
    whole = (1,) * (rank - values.ndim) + values.shape
    if all(length == 1 for axis, length in enumerate(whole) if axis != 1):
        return 0
    name, result = node.name or "prelu", node.outputs[0]
    zero = edit.add_constant(graph, f"{name}.zero", np.float32(0))
    above = edit.insert_node(graph, node, "Relu", [source], {}, f"{name}.above")
    below = edit.insert_node(graph, node, "Min", [source, zero], {}, f"{name}.below")
    steep = edit.insert_node(graph, node, "Mul", [below, slope], {}, f"{name}.steep")
    total = edit.insert_node(graph, node, "Add", [above, steep], {}, f"{name}.sum")
    for value in (above, below, steep, total):
        value.shape = result.shape
    edit.replace_value(result, total)
    edit.remove_node(node)
    return 1


REWRITES = {"Gemm": _gemm, "MatMul": _vector_product, "PRelu": _slope_of_pixels}
