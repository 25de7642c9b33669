"""Sampling positions and weights of Resize along one axis, in float64.

Resize is linear and separable, so along one axis it is a matrix

    y = R · x,        R of shape (output length, input length).

Positions, rounding, Keys' cubic kernel and antialiasing (the kernel widened by the factor when
downsampling, its weights normalised) follow the ONNX operator specification, Resize-19.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.graph.network import Operation

    Floats: TypeAlias = NDArray[np.float64]

CROP = "tf_crop_and_resize"
DECIMALS = 6
"""Decimals to which positions are rounded: float32 precision, in which runtimes compute them."""


@dataclass(frozen=True)
class Axis:
    """One axis of a Resize.

    Attributes:
        size: input length in pixels.
        output: output length in pixels.
        scale: output length over input length, as the node states it.
        region: start and end of the region of `tf_crop_and_resize`, as fractions of size − 1.
    """

    size: int
    output: int
    scale: float
    region: tuple[float, float] = (0.0, 1.0)

    def asymmetric(self) -> Floats:
        """Return the sampling position x = i / scale of each output index i, of mode "asymmetric".

        Positions are in input pixels, 0 at the centre of the first; float64 (output,). They may lie
        outside the image.
        """
        return np.arange(self.output, dtype=np.float64) / self.scale

    def half_pixel(self) -> Floats:
        """Return the sampling position x = (i + ½) / scale − ½ of each output index i.

        Positions are in input pixels, 0 at the centre of the first; float64 (output,). They may lie
        outside the image.
        """
        return (np.arange(self.output, dtype=np.float64) + 0.5) / self.scale - 0.5

    def pytorch_half_pixel(self) -> Floats:
        """Return the positions x = (i + ½) / scale − ½ of `half_pixel`, or 0 for an output of 1.

        They are float64 (output,), in input pixels, 0 at the centre of the first.
        """
        return self.half_pixel() if self.output > 1 else np.zeros(1)

    def align_corners(self) -> Floats:
        """Return the sampling position x = i · (size − 1) / (output − 1) of each output index i.

        They are float64 (output,), in input pixels, 0 at the centre of the first. The first and
        last output lie on the first and last pixel; an output of length 1 on the first.
        """
        spacing = (self.size - 1) / (self.output - 1) if self.output > 1 else 0.0
        return np.arange(self.output, dtype=np.float64) * spacing

    def half_pixel_symmetric(self) -> Floats:
        """Return the positions of `half_pixel`, shifted to be symmetric about the image's centre.

        They are float64 (output,), in input pixels, 0 at the centre of the first. They differ from
        `half_pixel` only if scale · size is not the output length.
        """
        return self.size / 2 * (1 - self.output / (self.scale * self.size)) + self.half_pixel()

    def crop(self) -> Floats:
        """Return equally spaced positions over the region, ends included, of "tf_crop_and_resize".

        They are float64 (output,), in input pixels, 0 at the centre of the first, and may lie
        outside the image; the middle of the region for one output.
        """
        start, end = (share * (self.size - 1) for share in self.region)
        if self.output == 1:
            return np.array([(start + end) / 2])
        return np.linspace(start, end, self.output, dtype=np.float64)


COORDINATES: Mapping[str, Callable[[Axis], Floats]] = {
    "half_pixel": Axis.half_pixel,
    "pytorch_half_pixel": Axis.pytorch_half_pixel,
    "asymmetric": Axis.asymmetric,
    "align_corners": Axis.align_corners,
    "half_pixel_symmetric": Axis.half_pixel_symmetric,
    CROP: Axis.crop,
}
ROUNDINGS: Mapping[str, Callable[[Floats], Floats]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def axis_of(operation: Operation, axis: int) -> Axis:
    """Return lengths, scale and region of one axis of a Resize.

    Without stated scales, the scale is output length over input length, or by
    `keep_aspect_ratio_policy` the least or greatest of all axes.

    Args:
        operation: Resize of static shapes with constant scales, sizes and region.
        axis: axis of its input, from 0.
    """
    image, output = operation.operand(0).shape, operation.output.shape
    rank = len(image)
    named = [int(a) % rank for a in operation.attributes.get("axes", range(rank))]
    region, given = _constant(operation, 1), _constant(operation, 2)
    index = named.index(axis) if axis in named else None
    scale = _stretched(operation, axis, index)
    if index is None:
        return Axis(image[axis], output[axis], scale)
    if given is not None and given.size == len(named):
        scale = float(given[index])
    if region is None or region.size != 2 * len(named):
        return Axis(image[axis], output[axis], scale)
    share = float(region[index]), float(region[index + len(named)])
    return Axis(image[axis], output[axis], scale, share)


def _stretched(operation: Operation, axis: int, index: int | None) -> float:
    """Return output/input if sizes are given; one factor for all axes if the aspect is kept."""
    image, output = operation.operand(0).shape, operation.output.shape
    policy = operation.attributes.get("keep_aspect_ratio_policy", "stretch")
    sizes = _constant(operation, 3)
    if policy == "stretch" or sizes is None or index is None:
        return output[axis] / image[axis]
    named = [int(a) % len(image) for a in operation.attributes.get("axes", range(len(image)))]
    choose = min if policy == "not_larger" else max
    return float(choose(size / image[a] for size, a in zip(sizes, named, strict=True)))


def matrix(operation: Operation, axis: int) -> Floats:
    """Return the interpolation matrix R, float64 (output length, input length), of a Resize's axis.

    Along it y = R · x, by the ONNX specification of Resize-19 in float64. Rows of outputs outside
    the image, in `tf_crop_and_resize`, are 0; `extrapolation_value` is not added. For "nearest",
    positions are rounded to 6 decimals first, as runtimes compute them in float32.

    Args:
        operation: Resize of static shapes with constant scales, sizes and region.
        axis: axis of its input, from 0.
    """
    attributes, sampled = operation.attributes, axis_of(operation, axis)
    coordinates = attributes.get("coordinate_transformation_mode", "half_pixel")
    positions = COORDINATES[coordinates](sampled)
    mode = attributes.get("mode", "nearest")
    if mode == "nearest":
        rounding = ROUNDINGS[attributes.get("nearest_mode", "round_prefer_floor")]
        # What is whole must not be rounded on because of its last bits.
        steady = np.round(positions, DECIMALS)
        table = _accumulated(rounding(steady)[:, np.newaxis], np.ones((1, 1)), sampled.size)
    else:
        shrunk = sampled.scale if attributes.get("antialias", 0) and sampled.scale < 1 else 1.0
        kernel = _cubic(attributes.get("cubic_coeff_a", -0.75)) if mode == "cubic" else _triangle
        reach = 2 if mode == "cubic" else 1
        excludes = bool(attributes.get("exclude_outside", 0))
        table = _weighted(positions, sampled.size, kernel, reach, shrunk, excludes)
    table[outside(operation, axis)] = 0.0
    return table


def outside(operation: Operation, axis: int) -> NDArray[np.bool_]:
    """Return a mask, (output length,), of the outputs along an axis that sample outside the image.

    It is True only for mode `tf_crop_and_resize`; there ONNX returns `extrapolation_value`.

    Args:
        operation: Resize of static shapes with constant scales, sizes and region.
        axis: axis of its input, from 0.
    """
    sampled = axis_of(operation, axis)
    if operation.attributes.get("coordinate_transformation_mode") != CROP:
        return np.zeros(sampled.output, np.bool_)
    positions = sampled.crop()
    return np.asarray((positions < 0) | (positions > sampled.size - 1))


def enlarges_to_own_size(operation: Operation) -> bool:
    """Return True for a Resize of mode `tf_crop_and_resize` from a region to the image's own size.

    ONNX Runtime 1.31 then returns the image unchanged, contrary to the ONNX specification.
    """
    if operation.attributes.get("coordinate_transformation_mode") != CROP:
        return False
    image, output = operation.operand(0).shape, operation.output.shape
    regions = [axis_of(operation, axis).region for axis in range(len(image))]
    return tuple(image) == tuple(output) and any(region != (0.0, 1.0) for region in regions)


ENLARGES_TO_OWN_SIZE = (
    "it enlarges a region to the size of the image, which ONNX Runtime leaves undone and ONNX's "
    "text does not, so that no file could be checked. Crop by Slice and enlarge that"
)
"""Reason for refusing such a Resize, for messages."""


def _weighted(
    positions: Floats, size: int, kernel: Callable[[Floats], Floats], reach: int, shrunk: float,
    excludes: bool,
) -> Floats:  # fmt: skip
    """Return the matrix of a kernel that extends `reach / shrunk` pixels to either side.

    Taps beyond the edge read the edge value, or have no weight if `excludes` is set.
    """
    span = int(np.ceil(reach / shrunk))
    taps = np.floor(positions)[:, np.newaxis] + np.arange(1.0 - span, span + 1)
    weights = kernel(shrunk * (taps - positions[:, np.newaxis]))
    if excludes:
        weights = np.where((taps < 0) | (taps > size - 1), 0.0, weights)
    weights = weights / weights.sum(axis=1, keepdims=True)
    return _accumulated(taps, weights, size)


def _accumulated(taps: Floats, weights: Floats, size: int) -> Floats:
    """Accumulate weights into a matrix; taps beyond the edge are added to the edge."""
    rows = np.broadcast_to(np.arange(len(taps))[:, np.newaxis], taps.shape)
    table = np.zeros((len(taps), size))
    columns = taps.clip(0, size - 1).astype(int)
    np.add.at(table, (rows, columns), np.broadcast_to(weights, taps.shape))
    return table


def _triangle(x: Floats) -> Floats:
    return np.maximum(1.0 - np.abs(x), 0.0)


def _cubic(a: float) -> Callable[[Floats], Floats]:
    """Return Keys' cubic convolution kernel for the parameter a."""

    def kernel(x: Floats) -> Floats:
        t = np.abs(x)
        near = ((a + 2) * t - (a + 3)) * t * t + 1
        far = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
        return np.where(t <= 1, near, np.where(t < 2, far, 0.0))

    return kernel


def _constant(operation: Operation, index: int) -> NDArray[Any] | None:
    tensor = operation.inputs[index] if len(operation.inputs) > index else None
    if tensor is None or tensor.data is None or not tensor.data.size:
        return None
    return tensor.data.reshape(-1)
