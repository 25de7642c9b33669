"""Operators that only rename the axes of a tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.layout import order_survives, stored_axis, stored_shape
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
