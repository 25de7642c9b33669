"""Lowering of operators that reshape, permute or repeat a tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.layout import (
    NHWC_FROM_NCHW,
    by_stored_axis,
    order_survives,
    stored_axis,
    stored_shape,
)
from edge_imgq.export.tflite.operators.weights import constant_input, contents
from edge_imgq.export.tflite.refusal import RefusedError

if TYPE_CHECKING:
    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.graph.network import Operation, Tensor

Code = schema.BuiltinOperator
NCHW_FROM_NHWC = (0, 3, 1, 2)


def reshape(file: Emitter, operation: Operation) -> None:
    """Lower Reshape, Flatten, Squeeze and Unsqueeze to RESHAPE.

    Elements are in the order of ONNX, NCHW: TRANSPOSEs are added where the stored order, NHWC,
    differs. Exact, but an int8 input at another scale than the output's is requantized first.
    """
    image, output = operation.operand(0), operation.output
    source = file.requantized(image, output.quantization)
    moved = image.shape != output.shape
    name = operation.name
    if moved and not order_survives(image.shape):
        logical = file.intermediate(f"{name}/logical", image.shape, output.quantization)
        _permute(file, source, logical, NCHW_FROM_NHWC, f"{name}/logical")
        source = logical
    options = schema.ReshapeOptionsT()
    if not moved or order_survives(output.shape):
        options.newShape = list(stored_shape(output.shape))
        shape = file.numbers(stored_shape(output.shape), f"{name}/shape")
        file.emit(operation, Code.RESHAPE, [source, shape], options)
        return
    options.newShape = list(output.shape)
    shaped = file.intermediate(f"{name}/shaped", output.shape, output.quantization)
    inputs = [source, file.numbers(output.shape, f"{name}/shape")]
    file.writer.add_operator(Code.RESHAPE, inputs, [shaped], options)
    store(file, operation, shaped)


def logical(file: Emitter, tensor: Tensor, name: str) -> int:
    """Return the index of an activation in ONNX's axis order, for operators on the last two axes.

    A tensor of rank 4 is transposed from the stored (N, H, W, C) to (N, C, H, W), which adds an
    operator; others are stored in ONNX's order already.
    """
    source = file.tensor(tensor)
    if len(tensor.shape) != 4:
        return source
    result = file.intermediate(f"{name}/logical", tensor.shape, tensor.quantization)
    _permute(file, source, result, NCHW_FROM_NHWC, f"{name}/logical")
    return result


def store(file: Emitter, operation: Operation, source: int) -> None:
    """Write the operation's output, stored NHWC, by a TRANSPOSE of a tensor in NCHW. Exact.

    `source` is that tensor's index in the file, at the output's scale.
    """
    order = file.numbers(NHWC_FROM_NCHW, f"{operation.name}/stored/order")
    file.emit(operation, Code.TRANSPOSE, [source, order], schema.TransposeOptionsT())


def _permute(file: Emitter, source: int, target: int, order: tuple[int, ...], name: str) -> None:
    permutation = file.numbers(order, f"{name}/order")
    inputs, options = [source, permutation], schema.TransposeOptionsT()
    file.writer.add_operator(Code.TRANSPOSE, inputs, [target], options)


def transpose(file: Emitter, operation: Operation) -> None:
    """Lower Transpose to TRANSPOSE, with the permutation converted to the file's layout.

    `perm` is that of ONNX, by default the reversed axes. Exact, but an int8 input at another scale
    than the output's is requantized first.
    """
    image, output = operation.operand(0), operation.output
    rank = len(image.shape)
    logical = operation.attributes.get("perm", tuple(reversed(range(rank))))
    by_stored = {stored_axis(axis, rank): source for axis, source in enumerate(logical)}
    order = [stored_axis(by_stored[axis], rank) for axis in range(rank)]
    source = file.requantized(image, output.quantization)
    permutation = file.numbers(order, f"{operation.name}/order")
    file.emit(operation, Code.TRANSPOSE, [source, permutation], schema.TransposeOptionsT())


def tile(file: Emitter, operation: Operation) -> None:
    """Lower Tile with constant repeats, one per axis, to TILE.

    Exact, but an int8 input at another scale than the output's is requantized first.

    Raises:
        RefusedError: repeats are computed.
    """
    image, counts = operation.operand(0), contents(constant_input(operation, 1))
    source = file.requantized(image, operation.output.quantization)
    multiples = by_stored_axis([int(count) for count in counts]) if len(counts) == 4 else counts
    repeats = file.numbers([int(count) for count in multiples], f"{operation.name}/repeats")
    file.emit(operation, Code.TILE, [source, repeats], schema.TileOptionsT())


def expand(file: Emitter, operation: Operation) -> None:
    """Lower Expand to the graph's output shape to BROADCAST_TO.

    Exact, but an int8 input at another scale than the output's is requantized first.

    Raises:
        RefusedError: it adds axes to make an image.
    """
    image, output = operation.operand(0), operation.output
    if len(image.shape) != len(output.shape) and len(output.shape) == 4:
        raise RefusedError("it adds axes to an image. Unsqueeze it to rank 4 in the model.")
    source = file.requantized(image, output.quantization)
    shape = file.numbers(stored_shape(output.shape), f"{operation.name}/shape")
    file.emit(operation, Code.BROADCAST_TO, [source, shape], schema.BroadcastToOptionsT())
