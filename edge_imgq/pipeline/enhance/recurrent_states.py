"""Pass the states of a recurrent network from one photograph of a sequence to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.colour import codes_per_level
from edge_imgq.images.frame_sequences import with_states_of

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from edge_imgq.pipeline.enhance.enhancer import Enhancer

    Pixels: TypeAlias = NDArray[np.uint8]


def with_states(pixels: Pixels, enhancer: Enhancer) -> Pixels:
    """Return all inputs for a photograph, with the states from the previous one filled in.

    States of another size belong to another sequence and are ignored: zeros remain. They are
    rounded and clipped to the type of `pixels`.

    Args:
        pixels: all inputs, (H, W, C), uint8 or uint16; not changed.
        enhancer: opened network.
    """
    inputs, start = pixels.copy(), enhancer.contract.image_channels
    for port in enhancer.contract.further:
        state = enhancer.states.get(port.name)
        if state is not None and state.shape[:2] == pixels.shape[:2]:
            codes = np.rint(state * codes_per_level(pixels))
            inputs[..., start : start + port.channels] = codes.clip(0, np.iinfo(pixels.dtype).max)
        start += port.channels
    return inputs


def store_states(pixels: Pixels, result: Pixels, enhancer: Enhancer) -> None:
    """Store the states that a network returned in `enhancer.states`, for the next photograph.

    They are float64 (H, W, C) levels from 0 to 255, by the input's name.

    Args:
        pixels: inputs of the network, (H, W, C).
        result: all outputs of the network, concatenated, (H', W', C'), uint8 or uint16.
        enhancer: opened network.
    """
    contract = enhancer.contract
    given = np.zeros(pixels.shape, np.float64)
    levels = with_states_of(given, result / codes_per_level(result), contract)
    start = contract.image_channels
    for port in contract.further:
        if port.fed_by:
            enhancer.states[port.name] = levels[..., start : start + port.channels]
        start += port.channels
