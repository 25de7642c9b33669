"""Operators that work on each element: arithmetic of two tensors, functions of one."""

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
    """Add → ADD."""
    _binary(file, operation, Code.ADD, schema.AddOptionsT())


def subtract(file: Emitter, operation: Operation) -> None:
    """Sub → SUB."""
    _binary(file, operation, Code.SUB, schema.SubOptionsT())


def multiply(file: Emitter, operation: Operation) -> None:
    """Mul → MUL."""
    _binary(file, operation, Code.MUL, schema.MulOptionsT())


def divide(file: Emitter, operation: Operation) -> None:
    """Div → DIV, in float."""
    _binary(file, operation, Code.DIV, schema.DivOptionsT())


def power(file: Emitter, operation: Operation) -> None:
    """Pow → POW, or RSQRT for a power of −½, in float."""
    exponent = operation.operand(1).data
    if exponent is not None and exponent.size == 1 and exponent.reshape(-1)[0] == INVERSE_ROOT:
        file.emit(operation, Code.RSQRT, [file.tensor(operation.operand(0))])
        return
    _binary(file, operation, Code.POW, schema.PowOptionsT())


def minimum(file: Emitter, operation: Operation) -> None:
    """Min → MINIMUM of two after two."""
    _same_scale_binary(file, operation, Code.MINIMUM)


def maximum(file: Emitter, operation: Operation) -> None:
    """Max → MAXIMUM of two after two."""
    _same_scale_binary(file, operation, Code.MAXIMUM)


def absolute(file: Emitter, operation: Operation) -> None:
    """Abs → ABS, in float."""
    file.emit(operation, Code.ABS, [file.tensor(operation.operand(0))], schema.AbsOptionsT())


def square_root(file: Emitter, operation: Operation) -> None:
    """Sqrt → SQRT, in float."""
    file.emit(operation, Code.SQRT, [file.tensor(operation.operand(0))])


def rounded(file: Emitter, operation: Operation) -> None:
    """Round → ROUND, half to even as ONNX's, in float."""
    file.emit(operation, Code.ROUND, [file.tensor(operation.operand(0))])


def floor(file: Emitter, operation: Operation) -> None:
    """Floor → FLOOR, in float."""
    file.emit(operation, Code.FLOOR, [file.tensor(operation.operand(0))])


def ceiling(file: Emitter, operation: Operation) -> None:
    """Ceil → CEIL, in float."""
    file.emit(operation, Code.CEIL, [file.tensor(operation.operand(0))])


def sign(file: Emitter, operation: Operation) -> None:
    """Sign → SIGN, in float."""
    file.emit(operation, Code.SIGN, [file.tensor(operation.operand(0))], schema.SignOptionsT())


def reciprocal(file: Emitter, operation: Operation) -> None:
    """Reciprocal → DIV of 1, in float."""
    one = Tensor(f"{operation.name}/one", (), None, np.ones((), np.float32))
    inputs = [file.tensor(one), file.tensor(operation.operand(0))]
    file.emit(operation, Code.DIV, inputs, schema.DivOptionsT())


def exponential(file: Emitter, operation: Operation) -> None:
    """Exp → EXP, in float."""
    file.emit(operation, Code.EXP, [file.tensor(operation.operand(0))], schema.ExpOptionsT())


def logarithm(file: Emitter, operation: Operation) -> None:
    """Log → LOG, in float."""
    file.emit(operation, Code.LOG, [file.tensor(operation.operand(0))])


def sine(file: Emitter, operation: Operation) -> None:
    """Sin → SIN, in float."""
    file.emit(operation, Code.SIN, [file.tensor(operation.operand(0))])


def cosine(file: Emitter, operation: Operation) -> None:
    """Cos → COS, in float."""
    file.emit(operation, Code.COS, [file.tensor(operation.operand(0))], schema.CosOptionsT())


def negative(file: Emitter, operation: Operation) -> None:
    """Neg → NEG, in float."""
    file.emit(operation, Code.NEG, [file.tensor(operation.operand(0))], schema.NegOptionsT())


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
