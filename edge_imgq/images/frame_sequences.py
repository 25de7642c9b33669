"""Run recurrent networks, which feed outputs back as states, over a sequence of frames.

The frames are one photograph, shifted by up to two pixels each. States start at zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.images.port_results import first_result, other_results
from edge_imgq.images.port_samples import shifted

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from edge_imgq.contract import ImageContract

    Levels: TypeAlias = NDArray[np.float64]
    Run: TypeAlias = Callable[[Levels], NDArray[Any]]

FRAMES = 30
"""Number of frames after which drift is measured."""

SHOWN = (1, 2, 5, 10, 30)
"""Frames whose images are compared, so that a growing error shows."""

CALIBRATED = (1, 4, 2, 8, 16, 0)
"""Number of frames run before a state is used for calibration, cycling through the images."""


def frame_of(inputs: NDArray[Any], contract: ImageContract, index: int) -> Levels:
    """Make the inputs of one frame of a sequence, with the given states.

    The image is shifted by at most 2 whole pixels, with `index` as seed; the border is filled by
    reflection. All other inputs are copied.

    Args:
        inputs: levels 0 to 255 of all inputs, concatenated along the channels, (H, W, C).
        contract: contract of the network.
        index: index of the frame from 0; frame 0 is not shifted.

    Returns:
        Levels, float64 (H, W, C), a new array.
    """
    frame = inputs.astype(np.float64)
    if index:
        image = inputs[..., : contract.image_channels]
        moved = shifted(image, np.random.default_rng(index))
        frame[..., : contract.image_channels] = moved
    return frame


def with_states_of(inputs: Levels, results: NDArray[Any], contract: ImageContract) -> Levels:
    """Replace the states in a frame's inputs by those that the previous frame returned.

    A state of lower resolution is repeated to the image's size. The result is a new array of the
    same shape and dtype; all other inputs are copied. Levels 0 to 255 span a port's range.

    Args:
        inputs: levels of all inputs, concatenated along the channels, (H, W, C); not changed.
        results: levels of all outputs of the previous frame, concatenated along the channels,
            (h, w, C').
        contract: contract of the network, which says the output that feeds each state.
    """
    returned = {port.name: values for port, values in other_results(results, contract)}
    following, start = inputs.copy(), contract.image_channels  # keeps the dtype
    for port in contract.further:
        if port.fed_by:
            state = returned.get(port.fed_by)
            state = first_result(results, contract) if state is None else state
            enlarged = np.repeat(np.repeat(state, port.downscale, 0), port.downscale, 1)
            kept = enlarged[: inputs.shape[0], : inputs.shape[1]]
            following[..., start : start + port.channels] = kept
        start += port.channels
    return following


def run_frames(
    run: Run, inputs: NDArray[Any], contract: ImageContract, count: int = FRAMES
) -> Iterator[tuple[Levels, NDArray[Any]]]:
    """Run a network on a sequence of frames; yield the inputs and the results of each.

    Every frame is the first one's image shifted by up to 2 pixels (`frame_of`), with the states
    that the previous frame returned. Inputs are levels 0 to 255, float64 (H, W, C); results are as
    `run` returns them.

    Args:
        run: maps levels (H, W, C) of all inputs to those of all outputs.
        inputs: inputs of the first frame, (H, W, C), with zero states.
        contract: contract of the network.
        count: number of frames.
    """
    results: NDArray[Any] | None = None
    for index in range(count):
        frame = frame_of(inputs, contract, index)
        if results is not None:
            frame = with_states_of(frame, results, contract)
        results = run(frame)
        yield frame, results
