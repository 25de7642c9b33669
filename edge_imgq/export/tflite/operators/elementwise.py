"""Lowering of elementwise operators with one or two operands, with broadcasting as in ONNX.

Float32 kernels compute as ONNX Runtime does. Int8 kernels round a result once, to the output's
scale; it is at most one level from that of the QDQ graph, which rounds in float.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.layout import stored_shape
from edge_imgq.graph.network import Tensor

if TYPE_CHECKING:
    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.graph.network import Operation

Code = schema.BuiltinOperator
INVERSE_ROOT = -0.5


def add(file: Emitter, operation: Operation) -> None:
    """Lower Add to ADD, in float32, int8 or int16.

    Operands are broadcast as in NumPy.

    Raises:
        RefusedError: an activation of lower rank is broadcast against an image.
    """
    _binary(file, operation, Code.ADD, _any_scale(operation, schema.AddOptionsT()))


def subtract(file: Emitter, operation: Operation) -> None:
    """Lower Sub to SUB, in float32, int8 or int16.

    Operands are broadcast as in NumPy.

    Raises:
        RefusedError: an activation of lower rank is broadcast against an image.
    """
    _binary(file, operation, Code.SUB, _any_scale(operation, schema.SubOptionsT()))


def multiply(file: Emitter, operation: Operation) -> None:
    """Lower Mul to MUL, in float32 or int8.

    Operands are broadcast as in NumPy.

    Raises:
        RefusedError: an activation of lower rank is broadcast against an image.
    """
    _binary(file, operation, Code.MUL, schema.MulOptionsT())


def divide(file: Emitter, operation: Operation) -> None:
    """Lower Div to DIV, in float32.

    Operands are broadcast as in NumPy.

    Raises:
        RefusedError: an activation of lower rank is broadcast against an image.
    """
    _binary(file, operation, Code.DIV, schema.DivOptionsT())


def power(file: Emitter, operation: Operation) -> None:
    """Lower Pow to POW, or to RSQRT for a constant exponent of −½, in float32.

    Operands are broadcast as in NumPy.

    Raises:
        RefusedError: an activation of lower rank is broadcast against an image.
    """
    exponent = operation.operand(1).data
    if exponent is not None and exponent.size == 1 and exponent.reshape(-1)[0] == INVERSE_ROOT:
        file.emit(operation, Code.RSQRT, [file.tensor(operation.operand(0))])
        return
    _binary(file, operation, Code.POW, schema.PowOptionsT())


def minimum(file: Emitter, operation: Operation) -> None:
    """Lower Min to a chain of MINIMUMs, in float32, or in int8 at the output's scale.

    Exact if the scale stays. Operands are broadcast as in NumPy.

    Raises:
        RefusedError: an activation of lower rank is broadcast against an image.
    """
    _same_scale_binary(file, operation, Code.MINIMUM)


def maximum(file: Emitter, operation: Operation) -> None:
    """Lower Max to a chain of MAXIMUMs, in float32, or in int8 at the output's scale.

    Exact if the scale stays. Operands are broadcast as in NumPy.

    Raises:
        RefusedError: an activation of lower rank is broadcast against an image.
    """
    _same_scale_binary(file, operation, Code.MAXIMUM)


def absolute(file: Emitter, operation: Operation) -> None:
    """Lower Abs to ABS, in float32. Exact."""
    file.emit(operation, Code.ABS, [file.tensor(operation.operand(0))], schema.AbsOptionsT())


def square_root(file: Emitter, operation: Operation) -> None:
    """Lower Sqrt to SQRT, in float32 also in int8 files; NaN for negative numbers."""
    file.emit(operation, Code.SQRT, [file.tensor(operation.operand(0))])


def rounded(file: Emitter, operation: Operation) -> None:
    """Lower Round to ROUND, half to even as in ONNX, in float32. Exact."""
    file.emit(operation, Code.ROUND, [file.tensor(operation.operand(0))])


def floor(file: Emitter, operation: Operation) -> None:
    """Lower Floor to FLOOR, in float32. Exact."""
    file.emit(operation, Code.FLOOR, [file.tensor(operation.operand(0))])


def ceiling(file: Emitter, operation: Operation) -> None:
    """Lower Ceil to CEIL, in float32. Exact."""
    file.emit(operation, Code.CEIL, [file.tensor(operation.operand(0))])


def sign(file: Emitter, operation: Operation) -> None:
    """Lower Sign to SIGN, in float32. Exact."""
    file.emit(operation, Code.SIGN, [file.tensor(operation.operand(0))], schema.SignOptionsT())


def reciprocal(file: Emitter, operation: Operation) -> None:
    """Lower Reciprocal to DIV with numerator 1, in float32 also in int8 files."""
    one = Tensor(f"{operation.name}/one", (), None, np.ones((), np.float32))
    inputs = [file.tensor(one), file.tensor(operation.operand(0))]
    file.emit(operation, Code.DIV, inputs, schema.DivOptionsT())


def exponential(file: Emitter, operation: Operation) -> None:
    """Lower Exp to EXP, in float32 also in int8 files."""
    file.emit(operation, Code.EXP, [file.tensor(operation.operand(0))], schema.ExpOptionsT())


def logarithm(file: Emitter, operation: Operation) -> None:
    """Lower Log, the natural logarithm, to LOG, in float32 also in int8 files."""
    file.emit(operation, Code.LOG, [file.tensor(operation.operand(0))])


def sine(file: Emitter, operation: Operation) -> None:
    """Lower Sin of radians to SIN, in float32 also in int8 files."""
    file.emit(operation, Code.SIN, [file.tensor(operation.operand(0))])


def cosine(file: Emitter, operation: Operation) -> None:
    """Lower Cos of radians to COS, in float32 also in int8 files."""
    file.emit(operation, Code.COS, [file.tensor(operation.operand(0))], schema.CosOptionsT())


def negative(file: Emitter, operation: Operation) -> None:
    """Lower Neg to NEG, in float32. Exact."""
    file.emit(operation, Code.NEG, [file.tensor(operation.operand(0))], schema.NegOptionsT())


def _any_scale(operation: Operation, options: Any) -> Any:
    """Let an int16 sum have scales that are no powers of two, as all others have."""
    stored = operation.output.quantization
    if stored is not None and stored.dtype == "int16":
        options.potScaleInt16 = False
    return options


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
    for step, index in enumerate(inputs[1:-1]):
        pair = [inputs[0], index]
        inputs[0] = file.intermediate(f"{operation.name}/{step}", shape, scale)
        options = schema.MaximumMinimumOptionsT()
        file.writer.add_operator(code, pair, inputs[:1], options)
    file.emit(operation, code, [inputs[0], inputs[-1]], schema.MaximumMinimumOptionsT())
