"""Lowering of other resizes to one matrix product per axis.

Every Resize is linear along each axis (`edge_imgq.graph.resize_sampling`):

    y = R · x · Sᵀ,      R of shape (output height, height), S of shape (output width, width),

for cubic and antialiased kernels, cropped regions, and grids outside TFLite's flags. Images are
stored (N, H, W, C): R multiplies the image as a matrix (H, W·C), and S multiplies every row as a
matrix (W, C).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.layout import stored_shape
from edge_imgq.export.tflite.refusal import RefusedError
from edge_imgq.graph.network import Tensor
from edge_imgq.graph.resize_sampling import COORDINATES, matrix, outside

if TYPE_CHECKING:
    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.graph.network import Operation

Code = schema.BuiltinOperator


def resize_by_matrices(file: Emitter, operation: Operation) -> None:
    """Lower Resize of (N, C, H, W) to one BATCH_MATMUL for rows and one for columns, in float32.

    The constant matrices are (output height, height) and (output width, width). Equal to ONNX's
    result up to float32 rounding.

    Raises:
        RefusedError: it fills positions outside the image with a nonzero value, or ONNX has no such
            coordinate mode.
    """
    _refuse_unknown(operation)
    name, output = operation.name, operation.output
    batch, height, width, channels = stored_shape(operation.operand(0).shape)
    source, tall = file.tensor(operation.operand(0)), (batch, output.shape[2], width * channels)
    rows = _reshaped(file, source, (batch, height, width * channels), f"{name}/flat")
    product = file.intermediate(f"{name}/tall", tall, None)
    factors = [_matrix(file, operation, 2, 3), rows]
    options = schema.BatchMatMulOptionsT()
    file.writer.add_operator(Code.BATCH_MATMUL, factors, [product], options)
    image = _reshaped(file, product, (*tall[:2], width, channels), f"{name}/rows")
    inputs = [_matrix(file, operation, 3, 4), image]
    file.emit(operation, Code.BATCH_MATMUL, inputs, schema.BatchMatMulOptionsT())


def _refuse_unknown(operation: Operation) -> None:
    attributes = operation.attributes
    coordinates = attributes.get("coordinate_transformation_mode", "half_pixel")
    if coordinates not in COORDINATES:
        raise RefusedError(f"'{coordinates}' is not one of ONNX's coordinate modes.")
    beyond = any(outside(operation, axis).any() for axis in (2, 3))
    if beyond and attributes.get("extrapolation_value", 0.0):
        raise RefusedError(
            "it fills what lies outside of the image with a number other than 0. Pad the image "
            "before in the model."
        )


def _matrix(file: Emitter, operation: Operation, axis: int, rank: int) -> int:
    table = matrix(operation, axis).astype(np.float32)
    values = table.reshape((1,) * (rank - 2) + table.shape)
    tensor = Tensor(f"{operation.name}/matrix_{axis}", values.shape, None, values)
    return file.weights(tensor, values, axis=0)


def _reshaped(file: Emitter, source: int, shape: tuple[int, ...], name: str) -> int:
    target = file.intermediate(name, shape, None)
    options = schema.ReshapeOptionsT()
    options.newShape = list(shape)
    inputs = [source, file.numbers(shape, f"{name}/shape")]
    file.writer.add_operator(Code.RESHAPE, inputs, [target], options)
    return target
