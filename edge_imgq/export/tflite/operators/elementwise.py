"""Lowering of elementwise operators with one or two operands, with broadcasting as in ONNX.

Float32 kernels compute as ONNX Runtime does. Int8 kernels round a result once, to the output's
scale; it is at most one level from that of the QDQ graph, which rounds in float.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.layout import stored_shape
from edge_imgq.export.tflite.operators.convolution import SLICE
from edge_imgq.graph.network import Tensor
from edge_imgq.graph.read_network import same_quantization
from edge_imgq.kernels.xnnpack import MAX_SUM_RATIO, MIN_SUM_RATIO
from edge_imgq.quantize.ranges.ranges import per_tensor

if TYPE_CHECKING:
    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.graph.network import Operation, Quantization

Code = schema.BuiltinOperator
INVERSE_ROOT = -0.5
STEPS_TO_ONE = (2.0**-14, 2.0**-10)
"""Numbers at which |y| is cut, and by which it is then divided, one after the other: all of 2⁻²⁴ or
more, float16's smallest number, becomes 1, and neither step leaves float16."""


def add(file: Emitter, operation: Operation) -> None:
    """Lower Add to ADD, in float32, int8 or int16, with broadcasting as in NumPy.

    int8 results are rounded once, to at most one level from the QDQ graph's. An operand whose scale
    the int8 kernels do not take is requantized first (`addable`).

    Raises:
        RefusedError: an activation of lower rank is broadcast against an image.
    """
    _sum(file, operation, Code.ADD, schema.AddOptionsT())


def subtract(file: Emitter, operation: Operation) -> None:
    """Lower Sub to SUB, in float32, int8 or int16, with broadcasting as in NumPy.

    int8 results are rounded once, to at most one level from the QDQ graph's. An operand whose scale
    the int8 kernels do not take is requantized first (`addable`).

    Raises:
        RefusedError: an activation of lower rank is broadcast against an image.
    """
    _sum(file, operation, Code.SUB, schema.SubOptionsT())


def multiply(file: Emitter, operation: Operation) -> None:
    """Lower Mul to MUL, in float32 or int8, with broadcasting as in NumPy.

    int8 results are rounded once, to at most one level from the QDQ graph's.

    Raises:
        RefusedError: an activation of lower rank is broadcast against an image.
    """
    _binary(file, operation, Code.MUL, schema.MulOptionsT())


def divide(file: Emitter, operation: Operation) -> None:
    """Lower Div to DIV, with broadcasting as in NumPy, up to float32 rounding.

    In float32 also in int8 files; x / 0 gives infinity or NaN. In files for GPUs, computed divisors
    of 0 become 1 if an image's number of channels is not a multiple of four: the unused channels
    that a GPU stores are 0, and an infinity there would spoil the next convolution.

    Raises:
        RefusedError: an activation of lower rank is broadcast against an image.
    """
    rank = len(operation.output.shape)
    inputs = [file.operand(operation.operand(0), rank), _nonzero(file, operation, 1)]
    file.emit(operation, Code.DIV, inputs, schema.DivOptionsT())


def _nonzero(file: Emitter, operation: Operation, index: int) -> int:
    """Return an operand whose inverse or logarithm follows; for GPUs, a 0 becomes 1.

    LiteRT 2.3.0's GPU kernels store channels in fours and leave the unused ones 0. There the result
    is NaN or infinite, and the next convolution multiplies it by weights of 0: all of its outputs
    are NaN. A constant that the network adds is merged into the bias of a convolution before it, so
    it does not reach them. So 1 is added where y is 0 (STEPS_TO_ONE).
    """
    tensor, rank = operation.operand(index), len(operation.output.shape)
    source, shape = file.operand(tensor, rank), stored_shape(tensor.shape)
    if not file.options.gpu or tensor.data is not None or rank != 4 or shape[3] % SLICE == 0:
        return source
    name = f"{operation.name}/nonzero"

    def emit(label: str, code: int, inputs: list[int], options: Any) -> int:
        result = file.intermediate(f"{name}/{label}", shape, None)
        file.writer.add_operator(code, inputs, [result], options)
        return result

    def number(value: float) -> int:
        scalar = Tensor(f"{name}/{value:g}", ())
        return file.weights(scalar, np.asarray(value, np.float32), axis=0)

    size = emit("size", Code.ABS, [source], schema.AbsOptionsT())
    for count, limit in enumerate(STEPS_TO_ONE):
        inputs = [size, number(limit)]
        size = emit(f"cut/{count}", Code.MINIMUM, inputs, schema.MaximumMinimumOptionsT())
        factor = number((-1) ** count / limit)
        size = emit(f"scaled/{count}", Code.MUL, [size, factor], schema.MulOptionsT())
    missing = emit("missing", Code.ADD, [size, number(1)], schema.AddOptionsT())
    return emit("added", Code.ADD, [source, missing], schema.AddOptionsT())


def power(file: Emitter, operation: Operation) -> None:
    """Lower Pow to POW, or to RSQRT for a constant exponent of −½, up to float32 rounding.

    In float32 also in int8 files, with broadcasting as in NumPy. In files for GPUs, computed bases
    of 0 become 1 for negative constant exponents if an image's number of channels is not a multiple
    of four: the unused channels that a GPU stores are 0, and an infinity there would spoil the next
    convolution.

    Raises:
        RefusedError: an activation of lower rank is broadcast against an image.
    """
    exponent = operation.operand(1).data
    if exponent is not None and exponent.size == 1 and exponent.reshape(-1)[0] == INVERSE_ROOT:
        file.emit(operation, Code.RSQRT, [_nonzero(file, operation, 0)])
        return
    if exponent is not None and exponent.min() < 0:
        power_of = file.operand(operation.operand(1), len(operation.output.shape))
        inputs = [_nonzero(file, operation, 0), power_of]
        file.emit(operation, Code.POW, inputs, schema.PowOptionsT())
        return
    _binary(file, operation, Code.POW, schema.PowOptionsT())


def minimum(file: Emitter, operation: Operation) -> None:
    """Lower Min to a chain of MINIMUMs, in float32, or in int8 at the output's scale.

    Exact, but int8 tensors at another scale are requantized first. Operands are broadcast as in
    NumPy.

    Raises:
        RefusedError: an activation of lower rank is broadcast against an image.
    """
    _same_scale_binary(file, operation, Code.MINIMUM)


def maximum(file: Emitter, operation: Operation) -> None:
    """Lower Max to a chain of MAXIMUMs, in float32, or in int8 at the output's scale.

    Exact, but int8 tensors at another scale are requantized first. Operands are broadcast as in
    NumPy.

    Raises:
        RefusedError: an activation of lower rank is broadcast against an image.
    """
    _same_scale_binary(file, operation, Code.MAXIMUM)


def absolute(file: Emitter, operation: Operation) -> None:
    """Lower Abs to ABS, elementwise, in float32 also in int8 files. Exact."""
    file.emit(operation, Code.ABS, [file.tensor(operation.operand(0))], schema.AbsOptionsT())


def square_root(file: Emitter, operation: Operation) -> None:
    """Lower Sqrt to SQRT, elementwise, up to float32 rounding; NaN for negative numbers.

    In float32 also in int8 files.
    """
    file.emit(operation, Code.SQRT, [file.tensor(operation.operand(0))])


def rounded(file: Emitter, operation: Operation) -> None:
    """Lower Round to ROUND, elementwise, half to even as in ONNX, in float32 regions. Exact."""
    file.emit(operation, Code.ROUND, [file.tensor(operation.operand(0))])


def floor(file: Emitter, operation: Operation) -> None:
    """Lower Floor to FLOOR, elementwise, in float32 also in int8 files. Exact."""
    file.emit(operation, Code.FLOOR, [file.tensor(operation.operand(0))])


def ceiling(file: Emitter, operation: Operation) -> None:
    """Lower Ceil to CEIL, elementwise, in float32 also in int8 files. Exact."""
    file.emit(operation, Code.CEIL, [file.tensor(operation.operand(0))])


def sign(file: Emitter, operation: Operation) -> None:
    """Lower Sign to SIGN, elementwise, in float32 also in int8 files: −1, 0 or 1. Exact."""
    file.emit(operation, Code.SIGN, [file.tensor(operation.operand(0))], schema.SignOptionsT())


def reciprocal(file: Emitter, operation: Operation) -> None:
    """Lower Reciprocal to DIV with numerator 1, elementwise, up to float32 rounding.

    In float32 also in int8 files; infinite at 0. In files for GPUs, zeros of an image become 1
    first if its number of channels is not a multiple of four, so 1 / 0 gives 1: the unused channels
    that a GPU stores are 0, and an infinity there would spoil the next convolution.
    """
    one = Tensor(f"{operation.name}/one", (), None, np.ones((), np.float32))
    inputs = [file.tensor(one), _nonzero(file, operation, 0)]
    file.emit(operation, Code.DIV, inputs, schema.DivOptionsT())


def exponential(file: Emitter, operation: Operation) -> None:
    """Lower Exp to EXP, elementwise, in float32 also in int8 files, up to its rounding."""
    file.emit(operation, Code.EXP, [file.tensor(operation.operand(0))], schema.ExpOptionsT())


def logarithm(file: Emitter, operation: Operation) -> None:
    """Lower Log, the natural logarithm, to LOG, elementwise, up to float32 rounding.

    In float32 also in int8 files; NaN below 0, −infinity at 0. In files for GPUs, zeros of an image
    become 1 first if its number of channels is not a multiple of four, so log 0 gives 0: the unused
    channels that a GPU stores are 0, and an infinity there would spoil the next convolution.
    """
    file.emit(operation, Code.LOG, [_nonzero(file, operation, 0)])


def sine(file: Emitter, operation: Operation) -> None:
    """Lower Sin of radians to SIN, elementwise, up to float32 rounding.

    In float32 also in int8 files.
    """
    file.emit(operation, Code.SIN, [file.tensor(operation.operand(0))])


def cosine(file: Emitter, operation: Operation) -> None:
    """Lower Cos of radians to COS, elementwise, up to float32 rounding.

    In float32 also in int8 files.
    """
    file.emit(operation, Code.COS, [file.tensor(operation.operand(0))], schema.CosOptionsT())


def negative(file: Emitter, operation: Operation) -> None:
    """Lower Neg to NEG, elementwise, in float32 also in int8 files. Exact."""
    file.emit(operation, Code.NEG, [file.tensor(operation.operand(0))], schema.NegOptionsT())


def _sum(file: Emitter, operation: Operation, code: int, options: Any) -> None:
    """Emit an ADD or SUB whose operands have scales that its kernels take."""
    total, rank = operation.output.quantization, len(operation.output.shape)
    if total is not None and total.dtype == "int16":
        # Scales that are no powers of two, as all others have.
        options.potScaleInt16 = False
    inputs = [_summand(file, operation.operand(index), total, rank) for index in (0, 1)]
    file.emit(operation, code, inputs, options)


def _summand(file: Emitter, tensor: Tensor, total: Quantization | None, rank: int) -> int:
    wanted = addable(tensor.quantization, total)
    if same_quantization(tensor.quantization, wanted):
        return file.operand(tensor, rank)
    if tensor.data is None:
        file.operand(tensor, rank)  # refuses an activation of lower rank
        return file.requantized(tensor, wanted)
    shape = (1,) * (rank - len(tensor.shape)) + tensor.shape
    return file.requantized(replace(tensor, shape=shape, data=tensor.data.reshape(shape)), wanted)


def addable(operand: Quantization | None, total: Quantization | None) -> Quantization | None:
    """Return the scale and zero point at which the kernels of ADD and SUB take an int8 operand.

    They are the operand's own, unless its scale is too fine (below 2⁻¹⁰ of the sum's) or too coarse
    (above 255 times it). A finer scale becomes 1/512 of the sum's. A coarser one is divided by a
    whole number, so that all levels that can be part of a sum in range stay exact; levels beyond
    saturate. None and other types are returned unchanged.
    """
    if operand is None or total is None or operand.dtype != "int8":
        return operand
    unit = float(total.scale[0])
    ratio = float(operand.scale[0]) / unit
    if ratio < MIN_SUM_RATIO:
        return per_tensor(2 * MIN_SUM_RATIO * unit, 0)
    if ratio > MAX_SUM_RATIO:
        return per_tensor(ratio / math.ceil(ratio / MAX_SUM_RATIO) * unit, 0)
    return operand


def _binary(file: Emitter, operation: Operation, code: int, options: Any) -> None:
    rank = len(operation.output.shape)
    inputs = [file.operand(operation.operand(index), rank) for index in (0, 1)]
    file.emit(operation, code, inputs, options)


def _same_scale_binary(file: Emitter, operation: Operation, code: int) -> None:
    output = operation.output
    rank, scale = len(output.shape), output.quantization
    inputs = []
    for index in range(len(operation.inputs)):
        tensor = operation.operand(index)
        constant = tensor.data is not None
        inputs.append(file.operand(tensor, rank) if constant else file.requantized(tensor, scale))
    if len(inputs) == 1:
        file.clip(operation, inputs[0])
        return
    shape = stored_shape(output.shape)
    for number, index in enumerate(inputs[1:-1]):
        pair = [inputs[0], index]
        inputs[0] = file.intermediate(f"{operation.name}/{number}", shape, scale)
        options = schema.MaximumMinimumOptionsT()
        file.writer.add_operator(code, pair, inputs[:1], options)
    file.emit(operation, code, [inputs[0], inputs[-1]], schema.MaximumMinimumOptionsT())
