"""Pooling windows and means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.layout import stored_axis
from edge_imgq.export.tflite.operators.padding import padded
from edge_imgq.export.tflite.operators.weights import constant_input, contents
from edge_imgq.export.tflite.refusal import RefusedError
from edge_imgq.export.tflite.window import SAME, VALID, Window, window

if TYPE_CHECKING:
    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.graph.network import Operation

Code = schema.BuiltinOperator


def max_pool(file: Emitter, operation: Operation) -> None:
    """MaxPool → MAX_POOL_2D; where SAME differs, padded with the lowest value first."""
    if len(operation.outputs) != 1:
        raise RefusedError("TFLite's pooling returns no indices.")
    spot = _window(operation)
    image = operation.operand(0)
    source = file.requantized(image, operation.output.quantization)
    if spot.padding is None:
        source = padded(file, image, spot.pads, lowest=True)
    _pool(file, operation, Code.MAX_POOL_2D, source, spot, spot.padding)


def average_pool(file: Emitter, operation: Operation) -> None:
    """AveragePool → AVERAGE_POOL_2D.

    TFLite's SAME leaves the padding out of the mean. Where ONNX counts it, a PAD goes in front.
    """
    spot = _window(operation)
    image = operation.operand(0)
    padding: int | None = spot.padding
    if operation.attributes.get("count_include_pad", 0) and padding != VALID:
        padding = None
    elif padding is None:
        raise RefusedError("its padding is left out of the mean, but is not TFLite's SAME.")
    source = file.requantized(image, operation.output.quantization)
    if padding is None:
        source = padded(file, image, spot.pads)
    _pool(file, operation, Code.AVERAGE_POOL_2D, source, spot, padding)


def global_average_pool(file: Emitter, operation: Operation) -> None:
    """GlobalAveragePool → MEAN over height and width."""
    _mean(file, operation, [2, 3], keep=True)


def reduce_mean(file: Emitter, operation: Operation) -> None:
    """ReduceMean → MEAN."""
    rank = len(operation.operand(0).shape)
    axes = operation.attributes.get("axes")
    if axes is None and len(operation.inputs) > 1 and operation.inputs[1] is not None:
        axes = contents(constant_input(operation, 1)).reshape(-1)
    logical = sorted(int(axis) % rank for axis in (range(rank) if axes is None else axes))
    keep = bool(operation.attributes.get("keepdims", 1))
    if rank == 4 and not keep and 1 not in logical and logical not in ([2, 3], [0, 2, 3]):
        raise RefusedError("it drops one spatial axis, which changes the layout of the rest.")
    _mean(file, operation, logical, keep)


def _mean(file: Emitter, operation: Operation, axes: list[int], keep: bool) -> None:
    image = operation.operand(0)
    rank = len(image.shape)
    stored = sorted(stored_axis(axis, rank) for axis in axes)
    options = schema.ReducerOptionsT()
    options.keepDims = keep
    inputs = [file.tensor(image), file.numbers(stored, f"{operation.name}/axes")]
    file.emit(operation, Code.MEAN, inputs, options)


def _window(operation: Operation) -> Window:
    if set(operation.attributes.get("dilations", (1, 1))) != {1}:
        raise RefusedError("TFLite's pooling has no dilation.")
    return window(operation, operation.attributes["kernel_shape"])


def _pool(
    file: Emitter, operation: Operation, code: int, source: int, spot: Window, padding: int | None
) -> None:
    options = schema.Pool2DOptionsT()
    options.padding = SAME if padding == SAME else VALID
    options.strideH, options.strideW = spot.rows.stride, spot.columns.stride
    options.filterHeight, options.filterWidth = spot.rows.kernel, spot.columns.kernel
    file.emit(operation, code, [source], options)
