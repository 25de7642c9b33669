"""Matrix products of a matrix with constant weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.operators.weights import bias, constant_input, contents
from edge_imgq.export.tflite.refusal import RefusedError

if TYPE_CHECKING:
    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.graph.network import Operation

Code = schema.BuiltinOperator


def gemm(file: Emitter, operation: Operation) -> None:
    """Gemm with constant weights → FULLY_CONNECTED."""
    attributes = operation.attributes
    if attributes.get("transA", 0) or {attributes.get(k, 1.0) for k in ("alpha", "beta")} != {1.0}:
        raise RefusedError("only alpha = beta = 1 and no transposed input have a form.")
    _product(file, operation, outputs_first=bool(attributes.get("transB", 0)))


def matrix_product(file: Emitter, operation: Operation) -> None:
    """MatMul with a constant right side → FULLY_CONNECTED."""
    _product(file, operation, outputs_first=False)


def _product(file: Emitter, operation: Operation, outputs_first: bool) -> None:
    image, kernel = operation.operand(0), constant_input(operation, 1)
    if len(image.shape) != 2 or len(kernel.shape) != 2:
        raise RefusedError("only a matrix times constant weights has a form.")
    values = contents(kernel) if outputs_first else contents(kernel).T
    offsets = operation.inputs[2] if len(operation.inputs) > 2 else None
    if offsets is not None and offsets.shape != (len(values),):
        raise RefusedError("its bias is not one number per output.")
    inputs = [
        file.tensor(image),
        file.weights(kernel, values, axis=0),
        bias(file, operation, kernel, values.shape[0]),
    ]
    options = schema.FullyConnectedOptionsT()
    file.emit(operation, Code.FULLY_CONNECTED, inputs, options)
