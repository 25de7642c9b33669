"""Black and white: the ends of what any image may show, and no calibration set need show.

A scale that covers the calibration images alone clips what is beyond them. With photographs that
have no white area an FSRCNN clipped at level 244 of 255, and a white page came out 12 levels too
dark. What a flat image of either end does to every activation is known without any photograph.
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
    seen: Mapping[str, ChannelRange],
    contract: ImageContract,
    size: tuple[int, int],
) -> dict[str, ChannelRange]:
    """Return ranges widened to what a black and a white image take.

    Args:
        model: float graph, rewritten as it will be quantized.
        seen: ranges of its activations over the calibration images; details are kept, so observers
            that clip on purpose still do.
        contract: of the network.
        size: height and width of the images.
    """
    ends = observe_finite(model, _flat(contract.channels, size), contract.peak)
    return {name: found.widened(ends.get(name)) for name, found in seen.items()}


def _flat(channels: int, size: tuple[int, int]) -> Iterator[NDArray[np.uint8]]:
    for level in ENDS:
        yield np.full((*size, channels), level, np.uint8)
