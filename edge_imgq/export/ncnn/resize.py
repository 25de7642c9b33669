"""Lowering of Resize to ncnn's Interp where its grids match, else to matrix products.

Every Resize is linear along each axis: y = R_h · x · R_wᵀ with constant matrices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.export.ncnn.builder import Blob, LoweringContext, RefusedError
from edge_imgq.export.ncnn.layers import Number
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

MODES = ("nearest", "linear", "cubic")
TOLERANCE = 1e-5
"""Largest difference of equal weights; ncnn computes positions in float32."""


@dataclass(frozen=True)
class Grid:
    """A sampling grid of Interp and the equivalent ONNX attributes.

    Attributes:
        kind: Interp's resize type.
        aligned: 1 to align corners, else 0.
        attributes: ONNX attributes of the Resize.
    """

    kind: int
    aligned: int
    attributes: dict[str, Any]


GRIDS = {
    "nearest": (
        Grid(1, 0, {
            "mode": "nearest",
            "coordinate_transformation_mode": "asymmetric",
            "nearest_mode": "floor",
        }),
    ),
    "linear": (
        Grid(2, 0, {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}),
        Grid(2, 1, {"mode": "linear", "coordinate_transformation_mode": "align_corners"}),
    ),
    "cubic": (
        Grid(3, 0, {"mode": "cubic", "coordinate_transformation_mode": "half_pixel"}),
        Grid(3, 1, {"mode": "cubic", "coordinate_transformation_mode": "align_corners"}),
    ),
}  # fmt: skip


def resize(context: LoweringContext) -> Blob:
    """Lower Resize of the height and width of (1, C, H, W) to Interp, or to matrix products.

    Modes are nearest, linear and cubic. Interp is used if its sampling weights equal ONNX's within
    1e-5; else there is one product per axis, with weights in float32.

    Raises:
        RefusedError: other axes are resized, scales or sizes are computed, the mode is unknown, the
            region reaches beyond the image, or a cropped region is enlarged to the image's own
            size.
    """
    operation, x = context.operation, context.read(0)
    _refuse(operation)
    tables = {axis: matrix(operation, axis) for axis in range(len(operation.output.shape))}
    moved = [axis for axis, table in tables.items() if not _is_identity(table)]
    if not moved:
        return x
    if len(x.shape) != 3 or min(moved) < 2:
        raise RefusedError("it resizes other axes than height and width; transpose them to the end")
    if (grid := _grid(operation, tables)) is not None:
        parameters: dict[int, Number] = {0: grid.kind, **_size(operation), 6: grid.aligned}
        return context.emit("Interp", x, parameters=parameters)
    return _multiplied(context, x, tables)


def _refuse(operation: Operation) -> None:
    attributes = operation.attributes
    mode = attributes.get("mode", "nearest")
    coordinates = attributes.get("coordinate_transformation_mode", "half_pixel")
    if any(tensor is not None and tensor.data is None for tensor in operation.inputs[1:]):
        raise RefusedError(
            "its scales or sizes are computed at run time; export the model at one size"
        )
    if mode not in MODES or coordinates not in COORDINATES:
        raise RefusedError(f"mode '{mode}' with coordinates '{coordinates}' is unknown")
    if enlarges_to_own_size(operation):
        raise RefusedError(ENLARGES_TO_OWN_SIZE)
    if any(outside(operation, axis).any() for axis in range(len(operation.output.shape))):
        raise RefusedError("its region reaches beyond the image; pad the image by Pad")


def _is_identity(table: NDArray[np.float64]) -> bool:
    return table.shape[0] == table.shape[1] and np.array_equal(table, np.eye(len(table)))


def _grid(operation: Operation, tables: dict[int, NDArray[np.float64]]) -> Grid | None:
    """Return the Interp grid with the same weights, or None."""
    for grid in GRIDS[operation.attributes.get("mode", "nearest")]:
        plain = Operation(
            "Resize", operation.name, operation.inputs[:1], operation.outputs, grid.attributes
        )
        if all(np.allclose(matrix(plain, axis), tables[axis], atol=TOLERANCE) for axis in (2, 3)):
            return grid
    return None


def _size(operation: Operation) -> dict[int, Number]:
    """Return the scale factors if they reproduce the size exactly in float32, else the size.

    Factors follow a resized input. ncnn truncates side times factor.
    """
    image, output = operation.operand(0).shape[2:], operation.output.shape[2:]
    factors = [np.float32(to / of) for of, to in zip(image, output, strict=True)]
    if all(
        factor * of == to and float(factor * 8).is_integer()
        for factor, of, to in zip(factors, image, output, strict=True)
    ):
        return {1: float(factors[0]), 2: float(factors[1])}
    return {3: int(output[0]), 4: int(output[1])}


def _multiplied(context: LoweringContext, x: Blob, tables: dict[int, NDArray[np.float64]]) -> Blob:
    channels, rows, columns = x.shape
    if not _is_identity(tables[3]):
        wide = context.builder.constant(tables[3].T)
        columns = len(tables[3])
        x = context.builder.emit("MatMul", (x, wide), (channels, rows, columns))
    if not _is_identity(tables[2]):
        high = context.builder.constant(tables[2])
        x = context.builder.emit("MatMul", (high, x), (channels, len(tables[2]), columns))
    return x
