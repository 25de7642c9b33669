"""Lowering of Resize to Core ML's operators where their grids match, else to matrix products.

Pixel repetition becomes `upsample_nearest_neighbor`, other nearest-neighbour resizes a gather, and
bilinear on Core ML's grids `upsample_bilinear`. Others (cubic, antialiased, cropped, bilinear on
another grid) are linear along each axis: y = R_h · x · R_wᵀ with constant matrices.

A bilinear Resize of integers rounds ties up, floor(y + ½), as TFLite's kernels and the QDQ graph do
(module `edge_imgq.quantize.qdq.resize_rounding`). The rounding of ties in `quantize` is left to the
implementation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.export.coreml.fp16_scaling import is_interpolated
from edge_imgq.export.coreml.integer_units import LoweringContext, Variable, mb, to_float16
from edge_imgq.graph.network import Operation
from edge_imgq.graph.resize_sampling import (
    COORDINATES,
    ENLARGES_TO_OWN_SIZE,
    enlarges_to_own_size,
    matrix,
    outside,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRIDS: dict[str, dict[str, bool]] = {
    "half_pixel": {"align_corners": False, "half_pixel_centers": True},
    "align_corners": {"align_corners": True, "half_pixel_centers": False},
    "asymmetric": {"align_corners": False, "half_pixel_centers": False},
}
"""Core ML's grids for `upsample_bilinear`, by ONNX name."""

MODES = ("nearest", "linear", "cubic")
TOLERANCE = 1e-4
"""Largest difference of equal weights; float16 resolves 2⁻¹²."""


def resize(context: LoweringContext) -> Variable:
    """Lower Resize of height and width, or in mode nearest of any axes, in float16.

    Nearest becomes upsample_nearest_neighbor or gathers (exact), linear upsample_bilinear where
    Core ML samples alike; all others, cubic among them, become one matrix product per axis, whose
    weights are rounded to float16. A linear resize between integers of one scale is rounded here,
    ties up. `refuse_resize` says which uses this does not cover.

    Raises:
        ModelError: an interpolation weight exceeds float16.
    """
    if not is_interpolated(context.operation):
        return _resized_values(context, context.read(0))
    stored = context.values.read(context.operation.operand(0), context.unit, context.offset)
    values = _resized_values(context, stored)
    return mb.floor(x=mb.add(x=values, y=np.float16(0.5)))


def _resized_values(context: LoweringContext, x: Any) -> Variable:
    operation = context.operation
    axes = _resized(operation)
    tables = {axis: matrix(operation, axis) for axis in axes}
    beyond = any(outside(operation, axis).any() for axis in axes)
    if operation.attributes.get("mode", "nearest") == "nearest" and not beyond:
        return _nearest(x, tables)
    grid = _grid(operation, tables)
    if grid is not None:
        height, width = _of_one_type(*(_factor(operation, axis) for axis in (2, 3)))
        return mb.upsample_bilinear(
            x=x, scale_factor_height=height, scale_factor_width=width, **GRIDS[grid]
        )
    # What shrinks the image most goes first.
    for axis in sorted(axes, key=lambda axis: tables[axis].shape[0] / tables[axis].shape[1]):
        x = _product(x, tables[axis], axis, operation.name)
    return _filled(context, x) if beyond else x


def refuse_resize(operation: Operation) -> str | None:
    """Return the reason why a Resize cannot be lowered, or None if it can.

    It needs constant scales or sizes, and a mode and coordinates that ONNX has. It must not enlarge
    a cropped region to the image's own size, nor interpolate along other axes than the last two.
    """
    attributes = operation.attributes
    mode = attributes.get("mode", "nearest")
    grid = attributes.get("coordinate_transformation_mode", "half_pixel")
    if any(tensor is not None and tensor.data is None for tensor in operation.inputs[1:]):
        return "its scales or sizes are computed at run time; export the model at one size"
    if mode not in MODES or grid not in COORDINATES:
        return f"mode '{mode}' with coordinates '{grid}' is unknown; use linear and half_pixel"
    if enlarges_to_own_size(operation):
        return ENLARGES_TO_OWN_SIZE
    rank = len(operation.output.shape)
    moved = _resized(operation)
    multiplied = mode != "nearest" or any(outside(operation, axis).any() for axis in moved)
    if multiplied and any(axis < rank - 2 for axis in moved):
        return "it interpolates along other axes than height and width; transpose them to the end"
    return None


def _resized(operation: Operation) -> list[int]:
    """Return the axes that the resize changes."""
    rank = len(operation.output.shape)
    tables = {axis: matrix(operation, axis) for axis in range(rank)}
    return [axis for axis, table in tables.items() if not _is_identity(table)]


def _is_identity(table: NDArray[np.float64]) -> bool:
    return table.shape[0] == table.shape[1] and np.array_equal(table, np.eye(len(table)))


def _nearest(x: Any, tables: dict[int, NDArray[np.float64]]) -> Any:
    """Repeat pixels by integer factors, or gather them."""
    sources = {axis: table.argmax(axis=1) for axis, table in tables.items()}
    factors = {axis: len(source) // x.shape[axis] for axis, source in sources.items()}
    repeated = all(
        np.array_equal(source, np.arange(x.shape[axis] * factors[axis]) // max(factors[axis], 1))
        for axis, source in sources.items()
    )
    if repeated and x.rank == 4 and not sources.keys() - {2, 3}:
        return mb.upsample_nearest_neighbor(
            x=x, scale_factor_height=factors.get(2, 1), scale_factor_width=factors.get(3, 1)
        )
    for axis, source in sources.items():
        x = mb.gather(x=x, indices=source.astype(np.int32), axis=axis)
    return x


def _filled(context: LoweringContext, x: Any) -> Variable:
    """Add the extrapolation value at positions outside the image."""
    value = context.attribute("extrapolation_value", 0.0) / context.unit - context.offset
    rank = len(context.operation.output.shape)
    rows, columns = (outside(context.operation, axis) for axis in (rank - 2, rank - 1))
    mask = (rows[:, np.newaxis] | columns) * np.float64(value)
    return mb.add(x=x, y=to_float16(mask, context.operation.name))


def _grid(operation: Operation, tables: dict[int, NDArray[np.float64]]) -> str | None:
    """Return the name of Core ML's grid with the same weights, or None."""
    if operation.attributes.get("mode") != "linear" or len(operation.output.shape) != 4:
        return None
    image, output = operation.operand(0).shape, operation.output.shape
    for grid in GRIDS:
        plain = Operation(
            "Resize", operation.name, operation.inputs[:1], operation.outputs,
            {"mode": "linear", "coordinate_transformation_mode": grid},
        )  # fmt: skip
        axes = [axis for axis in (2, 3) if image[axis] != output[axis] or axis in tables]
        wanted = {axis: tables.get(axis, np.eye(image[axis])) for axis in axes}
        if all(np.allclose(matrix(plain, axis), wanted[axis], atol=TOLERANCE) for axis in axes):
            return grid
    return None


def _product(x: Any, table: NDArray[np.float64], axis: int, name: str) -> Any:
    """Multiply along the second-last axis (from the left) or the last (from the right)."""
    if axis == x.rank - 2:
        return mb.matmul(x=to_float16(table, name), y=x)
    return mb.matmul(x=x, y=to_float16(table.T, name))


def _of_one_type(height: Any, width: Any) -> tuple[Any, Any]:
    """Return both factors as int, or both as float32: Core ML rejects a mixture."""
    if isinstance(height, int) and isinstance(width, int):
        return height, width
    return np.float32(height), np.float32(width)


def _factor(operation: Operation, axis: int) -> Any:
    """Return output/input as an int, or as the smallest float32 that gives the output size."""
    size, output = operation.operand(0).shape[axis], operation.output.shape[axis]
    if output % size == 0:
        return output // size
    single = np.float32(output / size)
    return single if float(single) * size >= output else np.nextafter(single, np.float32(np.inf))
