"""Lowering of elementwise operators and reductions to ncnn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from edge_imgq.export.ncnn.builder import Blob, LoweringContext, RefusedError, stored
from edge_imgq.export.ncnn.layers import Number, Shape
from edge_imgq.graph.network import Tensor

BINARY = {"Add": 0, "Sub": 1, "Mul": 2, "Div": 3, "Max": 4, "Min": 5, "Pow": 6}
"""ncnn's BinaryOp code by ONNX operator."""

REVERSED = {0: 0, 1: 7, 2: 2, 3: 8, 4: 4, 5: 5, 6: 9}
"""BinaryOp code with swapped operands, by code."""

UNARY = {
    "Abs": 0, "Neg": 1, "Floor": 2, "Ceil": 3, "Sqrt": 5, "Exp": 7, "Log": 8, "Sin": 9, "Cos": 10,
    "Reciprocal": 15,
}  # fmt: skip
"""ncnn's UnaryOp code by ONNX operator."""

SQUARE = 4
WHOLE_POWERS = (2, 3, 4)
"""Exponents that are products, exact for negative numbers."""

REDUCTIONS = {"ReduceMean": 3, "ReduceMax": 4, "ReduceMin": 5}
"""ncnn's Reduction code by ONNX operator; passes decompose other reductions into these."""


def binary(kind: str) -> Callable[[LoweringContext], Blob]:
    """Return a lowering of a binary ONNX operator, with broadcasting as in NumPy, to BinaryOp.

    It computes in the element type of the blobs, float32 or float16, and raises RefusedError unless
    there are two operands, each of at most ncnn's four axes.

    Args:
        kind: a key of BINARY.
    """

    def build(context: LoweringContext) -> Blob:
        if len(context.operation.inputs) != 2:
            raise RefusedError("it takes more than two operands")
        one, two = context.operation.operand(0), context.operation.operand(1)
        if one.data is not None and one.data.size == 1:
            return _with_number(context, two, REVERSED[BINARY[kind]], one)
        if two.data is not None and two.data.size == 1:
            return _with_number(context, one, BINARY[kind], two)
        output = context.operation.output.shape
        operands = (_aligned(context, one, output), _aligned(context, two, output))
        return context.emit("BinaryOp", *operands, parameters={0: BINARY[kind]})

    return build


def binary_of(context: LoweringContext, kind: str, one: Blob, two: Tensor) -> Blob:
    """Add a BinaryOp of a blob and another operand of the operation, and return its output.

    Args:
        context: the operation.
        kind: a key of BINARY.
        one: first operand, in the shape of the operation's output.
        two: second operand, broadcast to it.

    Raises:
        RefusedError: the other operand has more than ncnn's four axes.
    """
    other = _aligned(context, two, context.operation.output.shape)
    return context.builder.emit("BinaryOp", (one, other), one.shape, {0: BINARY[kind]})


def power(context: LoweringContext) -> Blob:
    """Lower Pow: constant exponents 2, 3 and 4 to products, all others to BinaryOp above 0.

    ncnn's power is exp(exponent · log(base)), which is 2.4e38 where the base is 0 or negative. So a
    computed base is raised to the least normal float32 first: 0 to a positive power is then nearly
    0. A negative base to a power that is not whole, NaN in ONNX, becomes that too. Operands are
    broadcast. Source: ncnn 20261020, Tencent/ncnn#2139.

    Raises:
        RefusedError: a tensor has more than ncnn's four axes.
    """
    base, exponent = context.operation.operand(0), context.operation.operand(1)
    if base.data is not None:
        return binary("Pow")(context)
    number = None
    if exponent.data is not None and exponent.data.size == 1:
        number = float(np.float32(exponent.data.reshape(())))
    if number is not None and number in WHOLE_POWERS:
        return _product(context, int(number))
    x = _aligned(context, base, context.operation.output.shape)
    least = {0: BINARY["Max"], 1: 1, 2: float(np.finfo(np.float32).tiny)}
    above = context.builder.emit("BinaryOp", (x,), x.shape, least)
    if number is not None:
        return context.emit("BinaryOp", above, parameters={0: BINARY["Pow"], 1: 1, 2: number})
    other = _aligned(context, exponent, context.operation.output.shape)
    return context.emit("BinaryOp", above, other, parameters={0: BINARY["Pow"]})


def _product(context: LoweringContext, exponent: int) -> Blob:
    """Multiply the first operand by itself."""
    x = context.read(0)
    product = context.builder.emit("UnaryOp", (x,), x.shape, {0: SQUARE})
    for _ in range(exponent - 2):
        product = context.builder.emit("BinaryOp", (product, x), x.shape, {0: BINARY["Mul"]})
    return _shaped(context, product)


def unary(kind: str) -> Callable[[LoweringContext], Blob]:
    """Return a lowering of an elementwise unary ONNX operator to UnaryOp.

    It computes in the element type of the blob, float32 or float16, and raises RefusedError for a
    tensor with more than ncnn's four axes.

    Args:
        kind: a key of UNARY.
    """

    def build(context: LoweringContext) -> Blob:
        return context.emit("UnaryOp", context.read(0), parameters={0: UNARY[kind]})

    return build


def reduction(kind: str) -> Callable[[LoweringContext], Blob]:
    """Return a lowering of ReduceMean, ReduceMax or ReduceMin to Reduction.

    Axes must be constant; the lowering raises RefusedError for computed ones. Without axes, all are
    reduced, or, with `noop_with_empty_axes`, none. Reduced axes stay with length 1, or go, as the
    operation says. The batch axis, of length 1, is not named to ncnn.

    Args:
        kind: a key of REDUCTIONS.
    """

    def build(context: LoweringContext) -> Blob:
        operation = context.operation
        rank = len(operation.operand(0).shape)
        given = (
            context.constant(1) if len(operation.inputs) > 1 else context.attribute("axes", None)
        )
        axes = [] if given is None else [int(axis) % rank for axis in np.ravel(given)]
        if not axes and not context.attribute("noop_with_empty_axes", 0):
            axes = list(range(rank))
        return reduced(
            context, REDUCTIONS[kind], [axis for axis in axes if not _is_batch(context, axis)]
        )

    return build


def reduced(context: LoweringContext, code: int, axes: Sequence[int]) -> Blob:
    """Reduce the first operand, and return a blob in the shape of the operation's output.

    Without axes nothing is reduced.

    Args:
        context: the operation.
        code: ncnn's code of the reduction, a value of REDUCTIONS.
        axes: ONNX axes without the batch.
    """
    x = context.read(0)
    if not axes:
        return _shaped(context, x)
    axes_stored = sorted(context.axis(axis) for axis in axes)
    shape = tuple(1 if index in axes_stored else side for index, side in enumerate(x.shape))
    # 4: axes are kept; 5: they are counted without the batch.
    parameters: dict[int, Number | Sequence[Number]]
    parameters = {0: code, 1: 0, 3: tuple(axes_stored), 4: 1, 5: 1}
    return _shaped(context, context.builder.emit("Reduction", (x,), shape, parameters))


def _is_batch(context: LoweringContext, axis: int) -> bool:
    """Return True for the batch axis of length 1, which ncnn's blobs lack."""
    shape = context.operation.operand(0).shape
    return axis < len(shape) - len(stored(shape))


def global_mean(context: LoweringContext) -> Blob:
    """Lower GlobalAveragePool of (1, C, spatial axes …) to Reduction, kept as (1, C, 1, …).

    Raises:
        RefusedError: a tensor has more than ncnn's four axes.
    """
    axes = range(2, len(context.operation.operand(0).shape))
    return reduced(context, REDUCTIONS["ReduceMean"], axes)


def _with_number(context: LoweringContext, tensor: Tensor, code: int, number: Tensor) -> Blob:
    """Combine a tensor with a scalar."""
    assert number.data is not None
    x = context.builder.read(tensor)
    value = float(np.float32(number.data.reshape(())))
    return _shaped(
        context, context.builder.emit("BinaryOp", (x,), x.shape, {0: code, 1: 1, 2: value})
    )


def _shaped(context: LoweringContext, blob: Blob) -> Blob:
    """Reshape a blob to the operation's output."""
    return context.builder.reshaped(blob, context.shape)


def _aligned(context: LoweringContext, tensor: Tensor, output: Sequence[int]) -> Blob:
    """Return an operand at the output's rank, with leading axes of 1 as in NumPy."""
    shape: Shape = (1,) * (len(output) - len(tensor.shape)) + tuple(tensor.shape)
    wanted = shape[len(output) - len(stored(output)) :]
    if tensor.data is not None:
        return context.builder.constant(np.asarray(tensor.data).reshape(wanted))
    return context.builder.reshaped(context.builder.read(tensor), wanted)
