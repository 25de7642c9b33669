"""Lowering of comparisons, logical operators, Where and Cast, with broadcasting as in ONNX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.refusal import RefusedError
from edge_imgq.graph.network import Tensor

if TYPE_CHECKING:
    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.graph.network import Operation

Code = schema.BuiltinOperator
FLOAT, BOOL = 1, 9
"""ONNX codes of the element types that a Cast may have here."""


def less(file: Emitter, operation: Operation) -> None:
    """Lower Less, x < y as booleans, to LESS in float32.

    Exact. Operands are broadcast as in NumPy; those of int8 files are dequantized first.

    Raises:
        RefusedError: an activation of lower rank is broadcast against an image.
    """
    _combined(file, operation, Code.LESS, schema.LessOptionsT())


def less_or_equal(file: Emitter, operation: Operation) -> None:
    """Lower LessOrEqual, x ≤ y as booleans, to LESS_EQUAL in float32.

    Exact. Operands are broadcast as in NumPy; those of int8 files are dequantized first.

    Raises:
        RefusedError: an activation of lower rank is broadcast against an image.
    """
    _combined(file, operation, Code.LESS_EQUAL, schema.LessEqualOptionsT())


def greater(file: Emitter, operation: Operation) -> None:
    """Lower Greater, x > y as booleans, to GREATER in float32.

    Exact. Operands are broadcast as in NumPy; those of int8 files are dequantized first.

    Raises:
        RefusedError: an activation of lower rank is broadcast against an image.
    """
    _combined(file, operation, Code.GREATER, schema.GreaterOptionsT())


def greater_or_equal(file: Emitter, operation: Operation) -> None:
    """Lower GreaterOrEqual, x ≥ y as booleans, to GREATER_EQUAL in float32.

    Exact. Operands are broadcast as in NumPy; those of int8 files are dequantized first.

    Raises:
        RefusedError: an activation of lower rank is broadcast against an image.
    """
    _combined(file, operation, Code.GREATER_EQUAL, schema.GreaterEqualOptionsT())


def equal(file: Emitter, operation: Operation) -> None:
    """Lower Equal to EQUAL: x and y are float32 or booleans, the result is booleans.

    Exact. Operands are broadcast as in NumPy; those of int8 files are dequantized first.

    Raises:
        RefusedError: an activation of lower rank is broadcast against an image.
    """
    _combined(file, operation, Code.EQUAL, schema.EqualOptionsT())


def logical_and(file: Emitter, operation: Operation) -> None:
    """Lower And of booleans to LOGICAL_AND.

    Exact. Operands are broadcast as in NumPy.

    Raises:
        RefusedError: an activation of lower rank is broadcast against an image.
    """
    _combined(file, operation, Code.LOGICAL_AND, schema.LogicalAndOptionsT())


def logical_or(file: Emitter, operation: Operation) -> None:
    """Lower Or of booleans to LOGICAL_OR.

    Exact. Operands are broadcast as in NumPy.

    Raises:
        RefusedError: an activation of lower rank is broadcast against an image.
    """
    _combined(file, operation, Code.LOGICAL_OR, schema.LogicalOrOptionsT())


def logical_xor(file: Emitter, operation: Operation) -> None:
    """Lower Xor of booleans to NOT_EQUAL.

    Exact. Operands are broadcast as in NumPy.

    Raises:
        RefusedError: an activation of lower rank is broadcast against an image.
    """
    _combined(file, operation, Code.NOT_EQUAL, schema.NotEqualOptionsT())


def logical_not(file: Emitter, operation: Operation) -> None:
    """Lower Not of booleans to LOGICAL_NOT, elementwise. Exact."""
    inputs = [file.tensor(operation.operand(0))]
    file.emit(operation, Code.LOGICAL_NOT, inputs, schema.LogicalNotOptionsT())


def select(file: Emitter, operation: Operation) -> None:
    """Lower Where to SELECT_V2, in float32, with broadcasting as in NumPy. Exact.

    Raises:
        RefusedError: it selects between booleans, or broadcasts an activation of lower rank against
            an image.
    """
    if operation.output.logical:
        raise RefusedError("it selects between booleans; write it with And and Or.")
    rank = len(operation.output.shape)
    inputs = [file.operand(operation.operand(index), rank) for index in (0, 1, 2)]
    file.emit(operation, Code.SELECT_V2, inputs, schema.SelectV2OptionsT())


def cast(file: Emitter, operation: Operation) -> None:
    """Lower Cast from boolean to float32 to CAST, from float32 to boolean to NOT_EQUAL 0. Exact.

    A cast from float32 to float32 needs no operator.

    Raises:
        RefusedError: it casts to another type.
    """
    source, target = operation.operand(0), operation.attributes.get("to")
    if target == FLOAT and source.logical:
        options = schema.CastOptionsT()
        options.inDataType, options.outDataType = schema.TensorType.BOOL, schema.TensorType.FLOAT32
        file.emit(operation, Code.CAST, [file.tensor(source)], options)
    elif target == FLOAT:
        file.clip(operation, file.tensor(source))
    elif target == BOOL:
        zero = Tensor(f"{operation.name}/zero", (), None, np.zeros((), np.float32))
        inputs = [file.tensor(source), file.tensor(zero)]
        file.emit(operation, Code.NOT_EQUAL, inputs, schema.NotEqualOptionsT())
    else:
        raise RefusedError("it casts pixels to integers; use Floor or Round instead.")


def _combined(file: Emitter, operation: Operation, code: int, options: Any) -> None:
    rank = max(len(operation.operand(index).shape) for index in (0, 1))
    inputs = [file.operand(operation.operand(index), rank) for index in (0, 1)]
    file.emit(operation, code, inputs, options)
