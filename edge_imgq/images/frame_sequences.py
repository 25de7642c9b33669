"""Running a network that hands something to itself on frame after frame.

The frames are one photograph, moved by up to two pixels each time. A state begins as zeros.
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
"""Frames that drift is measured after."""

SHOWN = (1, 2, 5, 10, 30)
"""Frames whose pictures are compared, so that a growing error shows."""

CALIBRATED = (1, 4, 2, 8, 16, 0)
"""Frames that a state has seen before an image of calibration, in turn."""


def frame_of(inputs: NDArray[Any], contract: ImageContract, place: int) -> Levels:
    """Return what a network takes of a frame of a sequence, with the states that it is given.

    Args:
        inputs: levels of all inputs, (H, W, C).
        contract: of the network.
        place: of the frame, from 0; the first one is as it is.
    """
    frame = inputs.astype(np.float64)
    if place:
        image = inputs[..., : contract.image_channels]
        moved = shifted(image, np.random.default_rng(place))
        frame[..., : contract.image_channels] = moved
    return frame


def with_states_of(inputs: Levels, results: NDArray[Any], contract: ImageContract) -> Levels:
    """Return the inputs of a frame with the states that the frame before it returned.

    Args:
        inputs: levels of all inputs, (H, W, C).
        results: all that was returned of the frame before, side by side.
        contract: of the network.
    """
    returned = {port.name: values for port, values in other_results(results, contract)}
    found, start = inputs.copy(), contract.image_channels  # of the type that they have
    for port in contract.further:
        if port.fed_by:
            state = returned.get(port.fed_by)
            whole = first_result(results, contract) if state is None else state
            sides = (inputs.shape[axis] // whole.shape[axis] for axis in (0, 1))
            rows, columns = sides
            spread = np.repeat(np.repeat(whole, rows, 0), columns, 1)
            found[..., start : start + port.channels] = spread
        start += port.channels
    return found


def run_frames(
    run: Run, inputs: NDArray[Any], contract: ImageContract, count: int = FRAMES
) -> Iterator[tuple[Levels, NDArray[Any]]]:
    """Yield what a network takes and returns of each frame of a sequence.

    Args:
        run: from levels (H, W, C) of all inputs to those of all results.
        inputs: of the first frame, its states zeros.
        contract: of the network.
        count: frames.
    """
    results: NDArray[Any] | None = None
    for place in range(count):
        frame = frame_of(inputs, contract, place)
        if results is not None:
            frame = with_states_of(frame, results, contract)
        results = run(frame)
        yield frame, results
