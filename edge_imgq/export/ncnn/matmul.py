"""Lowering of matrix products to ncnn."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.export.ncnn.activation import fused
from edge_imgq.export.ncnn.builder import Blob, LoweringContext, RefusedError
from edge_imgq.export.ncnn.layers import Shape, Weight

if TYPE_CHECKING:
    from edge_imgq.export.ncnn.layers import Array


def matmul(context: LoweringContext) -> Blob:
    """Lower MatMul, batched with broadcasting, to MatMul; or InnerProduct if the right is constant.

    Operands are (…, M, K) and (…, K, N). InnerProduct takes a constant matrix (K, N), also with
    leading axes of length 1. Computed in the element type of the blobs, float32 or float16.

    Raises:
        RefusedError: an operand is a vector, or has more than ncnn's four axes.
    """
    one, two = context.operation.operand(0), context.operation.operand(1)
    if two.data is not None and math.prod(two.shape[:-2]) == 1 and len(two.shape) > 1:
        return rows(context, np.asarray(two.data).reshape(two.shape[-2:]).T, None)
    x, y = context.read(0), context.read(1)
    if len(one.shape) < 2 or len(two.shape) < 2:
        raise RefusedError("it multiplies a vector; give it a second axis of length 1")
    rank = max(len(x.shape), len(y.shape))
    pair = [_raised(context, blob, rank) for blob in (x, y)]
    shape = tuple(max(a, b) for a, b in zip(pair[0].shape[:-2], pair[1].shape[:-2], strict=True))
    whole = (*shape, pair[0].shape[-2], pair[1].shape[-1])
    return context.builder.reshaped(context.builder.emit("MatMul", pair, whole), context.shape)


def gemm(context: LoweringContext) -> Blob:
    """Lower Gemm, (M, K) times constant weights plus bias, to InnerProduct.

    Weights are (K, N), or (N, K) with `transB`; alpha and beta, by default 1, are multiplied into
    weights and bias.

    Raises:
        RefusedError: the first operand is transposed, weights are no matrix, or constants are
            computed.
    """
    weight = context.constant(1)
    if context.attribute("transA", 0) or weight.ndim != 2:
        raise RefusedError("its first operand is transposed; transpose it in the model")
    alpha, beta = context.attribute("alpha", 1.0), context.attribute("beta", 1.0)
    matrix = weight if context.attribute("transB", 0) else weight.T
    bias = context.constant(2)
    if bias is not None:
        bias = np.broadcast_to(bias.reshape(-1) * beta, matrix.shape[:1])
    return rows(context, matrix * alpha, bias)


def rows(context: LoweringContext, weight: Array, bias: Array | None) -> Blob:
    """Multiply each row of the first operand by a constant matrix, and apply the fused clipping.

    The layer is an InnerProduct, in float: x · weightᵀ + bias over the last axis.

    Args:
        context: the operation.
        weight: float32 (outputs, inputs); `inputs` is the length of the operand's last axis.
        bias: float32 (outputs,), or None.

    Returns:
        A blob in the shape of the operation's output.

    Raises:
        RefusedError: a tensor has more than ncnn's four axes.
    """
    x = context.read(0)
    outputs, inputs = weight.shape
    count = math.prod(x.shape) // inputs
    flat: Shape = (count, inputs) if count > 1 else (inputs,)
    weights = [Weight(np.ascontiguousarray(weight, np.float32), is_tagged=True)]
    weights += [] if bias is None else [Weight(np.asarray(bias, np.float32))]
    parameters = {0: outputs, 1: int(bias is not None), 2: int(weight.size)}
    wide: Shape = (count, outputs) if count > 1 else (outputs,)
    product = context.builder.emit(
        "InnerProduct",
        (context.builder.reshaped(x, flat),),
        wide,
        {**parameters, **fused(context.operation.activation)},
        weights,
    )
    return context.builder.reshaped(product, context.shape)


def _raised(context: LoweringContext, blob: Blob, rank: int) -> Blob:
    return context.builder.reshaped(blob, (1,) * (rank - len(blob.shape)) + blob.shape)
