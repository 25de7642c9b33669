"""Operators that work on each element: arithmetic of two tensors, functions of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.refusal import RefusedError

if TYPE_CHECKING:
    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.graph.network import Operation

Code = schema.BuiltinOperator


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
    """Div → DIV, in float only."""
    _refuse_integers(operation)
    _binary(file, operation, Code.DIV, schema.DivOptionsT())


def power(file: Emitter, operation: Operation) -> None:
    """Pow → POW, in float only."""
    _refuse_integers(operation)
    _binary(file, operation, Code.POW, schema.PowOptionsT())


def minimum(file: Emitter, operation: Operation) -> None:
    """Min of two → MINIMUM."""
    _same_scale_binary(file, operation, Code.MINIMUM)


def maximum(file: Emitter, operation: Operation) -> None:
    """Max of two → MAXIMUM."""
    _same_scale_binary(file, operation, Code.MAXIMUM)


def absolute(file: Emitter, operation: Operation) -> None:
    """Abs → ABS, in float only."""
    _refuse_integers(operation)
    file.emit(operation, Code.ABS, [file.tensor(operation.operand(0))], schema.AbsOptionsT())


def square_root(file: Emitter, operation: Operation) -> None:
    """Sqrt → SQRT, in float only."""
    _refuse_integers(operation)
    file.emit(operation, Code.SQRT, [file.tensor(operation.operand(0))])


def _binary(file: Emitter, operation: Operation, code: int, options: Any) -> None:
    rank = len(operation.output.shape)
    inputs = [file.operand(operation.operand(index), rank) for index in (0, 1)]
    file.emit(operation, code, inputs, options)


def _same_scale_binary(file: Emitter, operation: Operation, code: int) -> None:
    if len(operation.inputs) != 2:
        raise RefusedError("only two inputs have a form; chain the operator in the model.")
    rank, scale = len(operation.output.shape), operation.output.quantization
    inputs = []
    for index in (0, 1):
        tensor = operation.operand(index)
        constant = tensor.data is not None
        inputs.append(file.operand(tensor, rank) if constant else file.requantized(tensor, scale))
    file.emit(operation, code, inputs, schema.MaximumMinimumOptionsT())


def _refuse_integers(operation: Operation) -> None:
    if operation.output.quantization is not None:
        raise RefusedError(
            "TFLite has no int8 kernel for it. Fold it into a neighbouring convolution, or use "
            "a float target."
        )
