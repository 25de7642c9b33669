"""Vivid colours: what photographs of flowers, signs and neon lights reach, and few others do.

Channels that tell colours apart take the values of gray calibration images for granted: an RGB
network calibrated on eight photographs clipped a fifth of a percent of its first layer's values on
one of saturated blue and red, and came 17 dB farther from the float image than on the others. So
ranges reach what patches of the calibration images take in colours half as far again from gray.
Enhancers of photographs, whose task is to change colours, gained nothing by it on 36 photographs
and keep their ranges.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edge_imgq.contract import ImageContract
from edge_imgq.quantize.calibrate import observe_channels
from edge_imgq.quantize.ranges import ChannelRange

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHANGES_COLOURS = "photo-enhancement"

VIVID = 1.5
"""How many times as far from gray as in the calibration images colours may be. Drop in dB of RGB
super-resolution networks, mean / worst of 71 photographs, with 1, 1.5 and 2: FSRCNN .15 / 3.1,
.11 / 1.5, .12 / 1.6; ETDS .15 / 2.0, .14 / 1.3 with 1 and 1.5; SPAN, whose loud channels get wider
steps, .33 / 1.6, .39 / 2.4, .40 / 2.1."""


def reach_vivid_colours(
    model: ir.Model,
    seen: Mapping[str, ChannelRange],
    contract: ImageContract,
    patches: Iterable[NDArray[np.uint8]],
) -> dict[str, ChannelRange]:
    """Return ranges widened to what patches in vivid colours take, where a network keeps colours.

    Args:
        model: float graph, rewritten as it will be quantized.
        seen: ranges of its activations over the calibration images; details are kept, so observers
            that clip on purpose still do.
        contract: of the network.
        patches: of the calibration images, 8-bit (H, W, C).
    """
    if contract.channels == 1 or contract.task == CHANGES_COLOURS:
        return dict(seen)
    reached = observe_channels(model, map(vivid, patches), contract.peak)
    return {
        name: replace(found.join(reached[name]), detail=found.detail)
        for name, found in seen.items()
    }


def vivid(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image (H, W, C) whose colours are VIVID times as far from gray."""
    gray = pixels.astype(np.float32).mean(axis=2, keepdims=True)
    farther: NDArray[np.uint8] = (gray + VIVID * (pixels - gray)).clip(0, 255).astype(np.uint8)
    return farther
