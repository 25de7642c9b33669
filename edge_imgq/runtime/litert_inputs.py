"""Conversion of an image and further inputs to the input tensors of a .tflite file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.graph.ports.port_feeds import split_ports
from edge_imgq.images.layout import pixels_of, to_nhwc

if TYPE_CHECKING:
    from numpy.typing import NDArray


def stored_inputs(
    details: Sequence[Mapping[str, Any]], pixels: NDArray[np.uint8 | np.float64], peak: float
) -> list[Any]:
    """Convert pixels to the array of each input, in the file's layout and type, the image first.

    Args:
        details: `get_input_details()` of the interpreter.
        pixels: (H, W, C) levels 0 … 255, uint8 or float64; several inputs are
            concatenated along C.
        peak: value of level 255 in a float file.

    Returns:
        One array per input, in the order of `details`: (1, H, W, C), or (1, 1, 1, C) for a vector;
        float32 in 0 … peak, or uint8, to which levels are rounded half to even and clipped.
    """
    if details[0]["dtype"] == np.float32:
        values: Any = to_nhwc(pixels, peak)
    else:
        values = (pixels if pixels.dtype == np.uint8 else pixels_of(pixels))[np.newaxis]
    if len(details) == 1:
        return [values]
    entries = [(str(n), channels_first(detail["shape"])) for n, detail in enumerate(details)]
    arrays = split_ports(values.transpose(0, 3, 1, 2), entries).values()
    return [np.ascontiguousarray(port_values.transpose(0, 2, 3, 1)) for port_values in arrays]


def set_inputs(interpreter: Any, pixels: NDArray[np.uint8 | np.float64], peak: float) -> None:
    """Copy an image and further inputs into an interpreter of the same size.

    Args:
        interpreter: allocated LiteRT interpreter with float32 or uint8 inputs.
        pixels: (H, W, C) levels 0 … 255, uint8 or float64, rounded for uint8 inputs; several
            inputs are concatenated along C.
        peak: value of level 255 in a float file.

    Raises:
        ValueError: LiteRT refuses a size that differs from the interpreter's.
    """
    details = interpreter.get_input_details()
    for detail, values in zip(details, stored_inputs(details, pixels, peak), strict=True):
        interpreter.set_tensor(detail["index"], values)


def channels_first(shape: Sequence[int]) -> tuple[int, int, int, int]:
    """Convert a shape (N, H, W, C) to (N, C, H, W), as Python ints.

    Raises:
        ValueError: the shape does not have four axes.
    """
    batch, height, width, channels = (int(length) for length in shape)
    return batch, channels, height, width
