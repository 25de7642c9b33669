"""Lowering of matrix products to Core ML."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_imgq.export.coreml.integer_units import LoweringContext, Variable, mb, to_float16
from edge_imgq.graph.network import Operation


def matmul(context: LoweringContext) -> Variable:
    """Lower MatMul of (…, M, K) and (…, K, N) to matmul, batched with broadcasting, in float16.

    A vector is a row on the left and a column on the right; its extra axis is removed from the
    result. The result is divided by `context.unit`, 1 in a float file, and rounded to float16.

    Raises:
        ModelError: a constant exceeds float16, or an activation is not int8 with one scale.
    """
    x, y = context.factors()
    row, column = x.rank == 1, y.rank == 1
    product = mb.matmul(
        x=mb.expand_dims(x=x, axes=[0]) if row else x,
        y=mb.expand_dims(x=y, axes=[1]) if column else y,
    )
    added = [-2] * row + [-1] * column
    return mb.squeeze(x=product, axes=added) if added else product


def gemm(context: LoweringContext) -> Variable:
    """Lower Gemm of matrices to matmul and add: alpha · A · B + beta · C, in float16.

    By default alpha and beta are 1. `transA` and `transB` transpose their operand first. The result
    is divided by `context.unit`, 1 in a float file; product and sum are rounded to float16.

    Raises:
        ModelError: alpha, beta or a constant exceeds float16, or an activation is not int8 with one
            scale.
    """
    alpha, beta = context.attribute("alpha", 1.0), context.attribute("beta", 1.0)
    x, y = context.factors()
    transposed = {key: bool(context.attribute(name, 0)) for key, name in FLAGS.items()}
    product = _scaled(mb.matmul(x=x, y=y, **transposed), alpha, context.operation)
    inputs = context.operation.inputs
    if len(inputs) < 3 or inputs[2] is None:
        return product
    return mb.add(x=product, y=_scaled(context.read(2), beta, context.operation))


FLAGS = {"transpose_x": "transA", "transpose_y": "transB"}


def _scaled(x: Any, factor: float, operation: Operation) -> Any:
    return x if factor == 1.0 else mb.mul(x=x, y=to_float16(np.float64(factor), operation.name))
