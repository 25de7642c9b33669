"""Rewrite matrix products of one vector per image as 1×1 convolutions.

Squeeze-and-excitation multiplies the vector of channel means by a matrix. (N, K) is an image of one
pixel with K channels, so

    Gemm: y = α·x·W + β·b      is      Conv1×1(x as (N, K, 1, 1), α·Wᵀ, β·b) as (N, M).

Weights, scales and bias are then quantized as those of any convolution.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked


def pooled_matmul_to_conv(model: ir.Model) -> int:
    """Rewrite Gemm and MatMul of an (N, K) matrix with constant weights as a 1×1 convolution.

    The input is unsqueezed to (N, K, 1, 1) and the output squeezed to (N, M); alpha and beta are
    multiplied into the weights and the bias, which must be constant. Nodes marked as float
    arithmetic, and with transA, stay unchanged. Exact in real numbers; float32 rounding differs.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    nodes = [node for node in model.graph if node.op_type in ("Gemm", "MatMul")]
    return sum(_rewrite(model.graph, node) for node in nodes if not is_marked(node))


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    source, weight = node.inputs[:2]
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    if source is None or source.shape is None or len(source.shape) != 2:
        return False
    if not edit.is_constant(weight) or (bias is not None and not edit.is_constant(bias)):
        return False
    attributes = node.attributes
    matrix = edit.contents(weight)
    if attributes.get_int("transA", 0) or matrix.ndim != 2:
        return False
    matrix = matrix if attributes.get_int("transB", 0) else matrix.T
    offsets = None if bias is None else edit.contents(bias)
    if offsets is not None and offsets.size not in (1, len(matrix)):
        return False
    matrix = matrix * np.float32(attributes.get_float("alpha", 1.0))
    if offsets is not None:
        beta = np.float32(attributes.get_float("beta", 1.0))
        offsets = np.broadcast_to(offsets.reshape(-1), (len(matrix),)) * beta
    _insert(graph, node, source, matrix, offsets)
    return True


def _insert(
    graph: ir.Graph, node: ir.Node, source: ir.Value, matrix: np.ndarray, offsets: object
) -> None:
    name = node.name or "product"
    batch = source.shape[0] if source.shape is not None else None
    axes = edit.add_constant(graph, f"{name}.axes", np.array([2, 3], np.int64))
    pixel = edit.insert_node(graph, node, "Unsqueeze", [source, axes], {}, f"{name}.pixel")
    pixel.shape = ir.Shape([batch, matrix.shape[1], 1, 1])
    product = edit.insert_convolution(graph, node, pixel, matrix, f"{name}.product", offsets)
    product.shape = ir.Shape([batch, matrix.shape[0], 1, 1])
    flat = edit.insert_node(graph, node, "Squeeze", [product, axes], {}, f"{name}.flat")
    flat.shape = node.outputs[0].shape
    edit.replace_value(node.outputs[0], flat)
    edit.remove_node(node)
