"""What each input of a .tflite file takes of an image and what lies beside it."""

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
    """Return what each input takes, in its layout and type, the image first.

    Args:
        details: of the inputs, as an interpreter lists them.
        pixels: (H, W, C), C those of all inputs.
        peak: what 255 is in floats.
    """
    if details[0]["dtype"] == np.float32:
        values: Any = to_nhwc(pixels, peak)
    else:
        values = (pixels if pixels.dtype == np.uint8 else pixels_of(pixels))[np.newaxis]
    if len(details) == 1:
        return [values]
    entries = [(str(n), channels_first(detail["shape"])) for n, detail in enumerate(details)]
    found = split_ports(values.transpose(0, 3, 1, 2), entries).values()
    return [np.ascontiguousarray(part.transpose(0, 2, 3, 1)) for part in found]


def place_inputs(interpreter: Any, pixels: NDArray[np.uint8 | np.float64], peak: float) -> None:
    """Write an image and what lies beside it into the inputs of an interpreter of that size."""
    details = interpreter.get_input_details()
    for detail, values in zip(details, stored_inputs(details, pixels, peak), strict=True):
        interpreter.set_tensor(detail["index"], values)


def channels_first(shape: Sequence[int]) -> tuple[int, int, int, int]:
    """Return the lengths (N, C, H, W) of a shape (N, H, W, C)."""
    batch, height, width, channels = (int(length) for length in shape)
    return batch, channels, height, width
