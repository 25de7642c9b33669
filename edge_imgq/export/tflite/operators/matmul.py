"""Lowering of matrix products to FULLY_CONNECTED (constant right operand) or BATCH_MATMUL.

BATCH_MATMUL works on the last two axes. Rank-4 tensors are stored channels last, so they are
transposed to NCHW before the product and the result is transposed back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.operators.shape import logical, store
from edge_imgq.export.tflite.operators.weights import bias, constant_input, contents
from edge_imgq.export.tflite.refusal import RefusedError

if TYPE_CHECKING:
    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.graph.network import Operation, Tensor

Code = schema.BuiltinOperator


def gemm(file: Emitter, operation: Operation) -> None:
    """Lower Gemm, (M, K) times constant weights plus bias, to FULLY_CONNECTED, in float32 or int8.

    Weights are (K, N), or (N, K) with `transB`, and are stored (N, K), one row per output. int8
    sums are exact and rounded once.

    Raises:
        RefusedError: alpha or beta is not 1, the input is transposed, weights are computed or not a
            matrix, or the bias is not (N,).
    """
    attributes = operation.attributes
    if attributes.get("transA", 0) or {attributes.get(k, 1.0) for k in ("alpha", "beta")} != {1.0}:
        raise RefusedError("only alpha = beta = 1 without transposed inputs can be written.")
    _product(file, operation, outputs_first=bool(attributes.get("transB", 0)))


def matrix_product(file: Emitter, operation: Operation) -> None:
    """Lower MatMul to FULLY_CONNECTED or BATCH_MATMUL, batched with broadcasting.

    (M, K) times constant (K, N) becomes FULLY_CONNECTED, other products of (…, M, K) and (…, K, N)
    BATCH_MATMUL, with TRANSPOSEs around it at rank 4. Computed in float32 also in int8 files.

    Raises:
        RefusedError: an operand is a vector.
    """
    left, right = operation.operand(0), operation.operand(1)
    if len(left.shape) == 2 and len(right.shape) == 2 and right.data is not None:
        _product(file, operation, outputs_first=False)
        return
    if 1 in (len(left.shape), len(right.shape)):
        raise RefusedError("one side is a vector. Unsqueeze it to a matrix in the model.")
    name, output = operation.name, operation.output
    inputs = [
        _factor(file, tensor, f"{name}/{index}") for index, tensor in enumerate((left, right))
    ]
    options = schema.BatchMatMulOptionsT()
    if len(output.shape) != 4:
        file.emit(operation, Code.BATCH_MATMUL, inputs, options)
        return
    product = file.intermediate(f"{name}/product", output.shape, output.quantization)
    file.writer.add_operator(Code.BATCH_MATMUL, inputs, [product], options)
    store(file, operation, product)


def _factor(file: Emitter, tensor: Tensor, name: str) -> int:
    if tensor.data is not None:
        return file.weights(tensor, tensor.data, axis=0)
    return logical(file, tensor, name)


def _product(file: Emitter, operation: Operation, outputs_first: bool) -> None:
    image, kernel = operation.operand(0), constant_input(operation, 1)
    if len(image.shape) != 2 or len(kernel.shape) != 2:
        raise RefusedError("only a matrix times constant weights can be written.")
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
