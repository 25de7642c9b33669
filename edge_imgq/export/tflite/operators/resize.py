"""Lowering of Resize to TFLite's operators where one of their sampling grids matches.

ONNX has six coordinate modes and four rounding modes; TFLite has two flags. Which flags are
equivalent depends on the sizes, so the sampling positions themselves are compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.operators import nearest_resize
from edge_imgq.export.tflite.operators.resize_matrices import resize_by_matrices
from edge_imgq.export.tflite.refusal import RefusedError
from edge_imgq.graph.resize_sampling import (
    COORDINATES,
    CROP,
    ENLARGES_TO_OWN_SIZE,
    ROUNDINGS,
    axis_of,
    enlarges_to_own_size,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.graph.network import Operation

    Positions: TypeAlias = NDArray[np.float64]

Code = schema.BuiltinOperator
TOLERANCE = 1e-4
"""Largest difference of equal positions, in input pixels."""


@dataclass(frozen=True)
class Flags:
    """Sampling flags of TFLite's resize operators.

    Attributes:
        half_pixel: sample at the centres of pixels.
        align: map corners to corners.
    """

    half_pixel: bool
    align: bool

    def positions(self, size: int, output: int) -> Positions:
        """Return the input position of each output pixel along one axis, float64, not clamped.

        Input pixels are at 0, 1, 2, …

        Args:
            size: input length.
            output: output length.
        """
        index = np.arange(output, dtype=np.float64)
        if self.align:
            return index * ((size - 1) / (output - 1) if output > 1 else 0.0)
        if self.half_pixel:
            return (index + 0.5) * (size / output) - 0.5
        return index * (size / output)

    def nearest(self, size: int, output: int) -> Positions:
        """Return the input index that each output pixel copies (resize_nearest_neighbor.h).

        float64 from 0, clamped to the input. With aligned corners or half-pixel centres, positions
        are rounded to the nearest index, ties up; otherwise down.

        Args:
            size: input length.
            output: output length.
        """
        shift = 0.5 if self.half_pixel else 0.0
        exact = self.positions(size, output) + shift
        return np.clip(np.floor(exact + 0.5) if self.align else np.floor(exact), 0, size - 1)


FLAGS = (Flags(True, False), Flags(False, True), Flags(False, False))


def resize(file: Emitter, operation: Operation) -> None:
    """Lower Resize of (N, C, H, W) to RESIZE_NEAREST_NEIGHBOR, RESIZE_BILINEAR or matrix products.

    Nearest by integer factors becomes copies where they are faster. One of the two operators is
    used if it samples at ONNX's positions, within 1e-4 of a pixel. All other resizes become matrix
    products in float32. Nearest is exact if input and output have one scale; the others
    are equal to float32 rounding, or in int8 rounded to the output's scale.

    Raises:
        RefusedError: another axis than height or width is resized, a cropped region is enlarged to
            the image's own size, or ONNX has no such mode.
    """
    mode = operation.attributes.get("mode", "nearest")
    _refuse_unusual(operation)
    if not has_operator(operation):
        resize_by_matrices(file, operation)
        return
    if mode == "nearest" and not file.options.gpu:
        times = _factor(operation, 2), _factor(operation, 3)
        if nearest_resize.repeat(file, operation, times):
            return
    flags = _flags(operation, mode) or FLAGS[0]
    options: Any
    if mode == "nearest":
        options, code = schema.ResizeNearestNeighborOptionsT(), Code.RESIZE_NEAREST_NEIGHBOR
    else:
        options, code = schema.ResizeBilinearOptionsT(), Code.RESIZE_BILINEAR
    options.halfPixelCenters, options.alignCorners = flags.half_pixel, flags.align
    source = file.requantized(operation.operand(0), operation.output.quantization)
    size = file.numbers(operation.output.shape[2:], f"{operation.name}/size")
    file.emit(operation, code, [source, size], options)


def _factor(operation: Operation, axis: int) -> int:
    size = operation.operand(0).shape[axis]
    return nearest_resize.factor(_wanted(operation, "nearest", axis), size)


def has_operator(operation: Operation) -> bool:
    """Return True if one of TFLite's two resize operators computes a Resize of (N, C, H, W).

    It must sample at ONNX's positions, within 1e-4 of a pixel. Neither antialiases when shrinking.
    """
    image, output = operation.operand(0).shape, operation.output.shape
    shrinks = any(a > b for a, b in zip(image, output, strict=True))
    if operation.attributes.get("antialias", 0) and shrinks:
        return False
    mode = operation.attributes.get("mode", "nearest")
    return mode in ("nearest", "linear") and _flags(operation, mode) is not None


def _refuse_unusual(operation: Operation) -> None:
    image, output = operation.operand(0).shape, operation.output.shape
    if len(image) != 4 or image[:2] != output[:2]:
        raise RefusedError("only height and width of an image can be resized.")
    if enlarges_to_own_size(operation):
        raise RefusedError(f"{ENLARGES_TO_OWN_SIZE}.")


def _flags(operation: Operation, mode: str) -> Flags | None:
    """Return the first flags whose positions equal ONNX's on both axes, or None."""
    coordinates = operation.attributes.get("coordinate_transformation_mode", "half_pixel")
    if coordinates not in COORDINATES or coordinates == CROP:
        return None
    wanted = [_wanted(operation, mode, axis) for axis in (2, 3)]
    image, output = operation.operand(0).shape, operation.output.shape
    for flags in FLAGS:
        sample = flags.nearest if mode == "nearest" else flags.positions
        positions = [np.clip(sample(image[a], output[a]), 0, image[a] - 1) for a in (2, 3)]
        if all(np.allclose(f, w, atol=TOLERANCE) for f, w in zip(positions, wanted, strict=True)):
            return flags
    return None


def _wanted(operation: Operation, mode: str, axis: int) -> Positions:
    attributes = operation.attributes
    size = operation.operand(0).shape[axis]
    coordinates = attributes.get("coordinate_transformation_mode", "half_pixel")
    exact = COORDINATES[coordinates](axis_of(operation, axis))
    if mode == "nearest":
        exact = ROUNDINGS[attributes.get("nearest_mode", "round_prefer_floor")](exact)
    return np.clip(exact, 0, size - 1)
