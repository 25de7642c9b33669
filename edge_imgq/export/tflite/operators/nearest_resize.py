"""Nearest neighbours by a whole factor, in operators that XNNPACK has.

XNNPACK has no RESIZE_NEAREST_NEIGHBOR: each one parts a network in two. A CONCATENATION of a tensor
with itself makes copies, and where its axis is then read as part of the next one outwards, they
are repetitions of single columns and rows:

    (1, h, w, c) → n copies along channels → (1, h, w, n·c)
                 → m copies along columns  → (1, h, m·w, n·c), the same bytes as (1, m·h, n·w, c)

Nothing is computed, so every value is exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.layout import stored_shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.graph.network import Operation

Code = schema.BuiltinOperator
COLUMNS, CHANNELS = 2, 3
COPIES = (5, 4, 3, 2)
"""Inputs that XNNPACK takes of one CONCATENATION, most first."""

DOUBLING_BYTES, REPEATING_BYTES = 64, 192
"""Bytes per pixel up to which copies are quicker than RESIZE_NEAREST_NEIGHBOR."""


def factor(wanted: NDArray[np.float64], size: int) -> int:
    """Return how often each input position stands in the output, one after another; 0 if it varies.

    Args:
        wanted: the input position that each output position copies.
        size: of the input.
    """
    times, rest = divmod(len(wanted), size)
    repeats = not rest and np.array_equal(wanted, np.arange(len(wanted)) // times)
    return times if repeats and _copies(times) is not None else 0


def repeat(file: Emitter, operation: Operation, times: tuple[int, int]) -> bool:
    """Write each row and each column several times, where that is quicker, and say whether it is.

    A narrow doubling is spread by DEPTH_TO_SPACE: it holds no size, so it follows a resized input.
    The RESHAPE of the others holds one, as RESIZE_NEAREST_NEIGHBOR does. Against that operator,
    measured on x86-64: 2 to 9 times faster up to 64 bytes per pixel, equal at 128 to 256, slower
    above, where both wait for memory.

    Args:
        file: gets the operators.
        operation: the Resize.
        times: how often each row and each column stands in the output.
    """
    width = _pixel_bytes(operation)
    if not all(times) or width > REPEATING_BYTES:
        return False
    source = file.requantized(operation.operand(0), operation.output.quantization)
    shape = stored_shape(operation.operand(0).shape)
    if times == (2, 2) and width < DOUBLING_BYTES:
        spreading = schema.DepthToSpaceOptionsT()
        spreading.blockSize = 2
        copies, _ = _copied(file, operation, (source, shape), CHANNELS, 4)
        file.emit(operation, Code.DEPTH_TO_SPACE, [copies], spreading)
        return True
    result = source, shape
    for axis, count in ((CHANNELS, times[1]), (COLUMNS, times[0])):
        for part in _copies(count) or ():
            result = _copied(file, operation, result, axis, part)
    final = stored_shape(operation.output.shape)
    options = schema.ReshapeOptionsT()
    options.newShape = list(final)
    file.emit(operation, Code.RESHAPE, [result[0], file.numbers(final, "shape")], options)
    return True


def _copied(
    file: Emitter, operation: Operation, source: tuple[int, tuple[int, ...]], axis: int, times: int
) -> tuple[int, tuple[int, ...]]:
    """Write a tensor several times along an axis, and return the result and its shape."""
    index, old = source
    shape = (*old[:axis], times * old[axis], *old[axis + 1 :])
    output = operation.output
    result = file.intermediate(f"{output.name}/copies", shape, output.quantization)
    joining = schema.ConcatenationOptionsT()
    joining.axis = axis
    file.writer.add_operator(Code.CONCATENATION, [index] * times, [result], joining)
    return result, shape


def _copies(times: int) -> tuple[int, ...] | None:
    """Return factors that one CONCATENATION can make, with this product; None where none have."""
    if times == 1:
        return ()
    for part in COPIES:
        if times % part == 0 and (rest := _copies(times // part)) is not None:
            return part, *rest
    return None


def _pixel_bytes(operation: Operation) -> int:
    quantization = operation.output.quantization
    size = 4 if quantization is None else np.dtype(quantization.dtype).itemsize
    return operation.output.shape[1] * size
