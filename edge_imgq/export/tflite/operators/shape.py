"""Operators that only rename the axes of a tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.layout import (
    by_stored_axis,
    order_survives,
    stored_axis,
    stored_shape,
)
from edge_imgq.export.tflite.operators.weights import constant_input, contents
from edge_imgq.export.tflite.refusal import RefusedError

if TYPE_CHECKING:
    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.graph.network import Operation

Code = schema.BuiltinOperator


def reshape(file: Emitter, operation: Operation) -> None:
    """Reshape, Flatten, Squeeze, Unsqueeze → RESHAPE where no element moves in the file."""
    image, output = operation.operand(0), operation.output
    if image.shape != output.shape and not (
        order_survives(image.shape) and order_survives(output.shape)
    ):
        raise RefusedError(
            f"from {image.shape} to {output.shape} elements would move, because the file stores "
            "channels last. Use DepthToSpace or SpaceToDepth for a pixel shuffle."
        )
    options = schema.ReshapeOptionsT()
    options.newShape = list(stored_shape(output.shape))
    source = file.requantized(image, output.quantization)
    shape = file.numbers(stored_shape(output.shape), f"{operation.name}/shape")
    file.emit(operation, Code.RESHAPE, [source, shape], options)


def transpose(file: Emitter, operation: Operation) -> None:
    """Transpose → TRANSPOSE, with the permutation of the file's axes."""
    image, output = operation.operand(0), operation.output
    rank = len(image.shape)
    logical = operation.attributes.get("perm", tuple(reversed(range(rank))))
    by_stored = {stored_axis(axis, rank): source for axis, source in enumerate(logical)}
    order = [stored_axis(by_stored[axis], rank) for axis in range(rank)]
    source = file.requantized(image, output.quantization)
    permutation = file.numbers(order, f"{operation.name}/order")
    file.emit(operation, Code.TRANSPOSE, [source, permutation], schema.TransposeOptionsT())


def tile(file: Emitter, operation: Operation) -> None:
    """Tile → TILE."""
    image, counts = operation.operand(0), contents(constant_input(operation, 1))
    source = file.requantized(image, operation.output.quantization)
    multiples = by_stored_axis([int(count) for count in counts]) if len(counts) == 4 else counts
    repeats = file.numbers([int(count) for count in multiples], f"{operation.name}/repeats")
    file.emit(operation, Code.TILE, [source, repeats], schema.TileOptionsT())


def expand(file: Emitter, operation: Operation) -> None:
    """Expand → BROADCAST_TO."""
    image, output = operation.operand(0), operation.output
    if len(image.shape) != len(output.shape) and len(output.shape) == 4:
        raise RefusedError("it adds axes to an image. Unsqueeze it to rank 4 in the model.")
    source = file.requantized(image, output.quantization)
    shape = file.numbers(stored_shape(output.shape), f"{operation.name}/shape")
    file.emit(operation, Code.BROADCAST_TO, [source, shape], schema.BroadcastToOptionsT())
