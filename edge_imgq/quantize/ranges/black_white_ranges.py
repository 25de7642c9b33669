"""Widen ranges to cover flat black and white images, which a calibration set may lack.

A scale that covers only the calibration images clips values beyond them. Calibrated on photographs
without white areas, an FSRCNN clipped at level 244 of 255, and a white page was 12 levels too dark.
The activations of flat black and white images can be computed without photographs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edge_imgq.contract import ImageContract
from edge_imgq.quantize.calibration.calibrate import observe_finite
from edge_imgq.quantize.ranges.ranges import ChannelRange

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENDS = (0, 255)


def include_black_and_white(
    model: ir.Model,
    observed: Mapping[str, ChannelRange],
    contract: ImageContract,
    size: tuple[int, int],
) -> dict[str, ChannelRange]:
    """Widen ranges to cover a black and a white image, levels 0 and 255 in all channels.

    Activations that are NaN or infinite on either keep their ranges.

    Args:
        model: float graph after all rewrites, as it will be quantized.
        observed: ranges of its activations on the calibration images, by value name; their details
            are kept unchanged, so that clipping observers still clip.
        contract: pixel contract of the network.
        size: height and width of the images.
    """
    ends = observe_finite(model, _flat_images(contract.channels, size), contract.peak)
    return {name: channels.widened(ends.get(name)) for name, channels in observed.items()}


def _flat_images(channels: int, size: tuple[int, int]) -> Iterator[NDArray[np.uint8]]:
    for level in ENDS:
        yield np.full((*size, channels), level, np.uint8)
