"""Run an opened file once, and return every output in the model's own numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.errors import UsageError
from edge_imgq.images.colour import to_pixels
from edge_imgq.images.port_results import first_result, other_results
from edge_imgq.pipeline.enhance.port_settings import (
    Settings,
    levels_of,
    packed,
    with_exact_numbers,
)
from edge_imgq.ports import Port
from edge_imgq.runtime.protocol import FloatSession

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.contract import ImageContract
    from edge_imgq.runtime.protocol import Session

WHITE = 255


def run_outputs(
    session: Session,
    picture: NDArray[np.uint8],
    settings: Settings,
    states: Mapping[str, NDArray[Any]],
) -> dict[str, NDArray[Any]]:
    """Run a file on a photograph and return its outputs by name, the main one first.

    Args:
        session: opened file.
        picture: uint8 photograph (H, W, 3) or (H, W, 1), of which mosaics and frames are made; or
            all channels of the image input.
        settings: values of further inputs.
        states: numbers (h, w, C) of states, by the input's name; missing states are zero.

    Returns:
        uint8 (H, W, C) for images; float64 numbers in the model's unit for others: (N,) for
        vectors, (h, w, C) for planes and states. The main output is "image" if the contract does
        not name it.

    Raises:
        UsageError: an input has no value, one outside its range, or does not exist.
        ImageError: a picture cannot be read or has another size.
        NonFiniteOutputError: the file returned NaN or infinity.
    """
    contract, target = session.note.contract, session.note.target
    levels = levels_of(contract, settings, target)
    levels |= {name: _state(contract, name, state) for name, state in states.items()}
    is_packed = picture.shape[2] == contract.image_channels
    taken = packed(picture, replace(contract, layout="image") if is_packed else contract, levels)
    joined = _run(session, taken, levels)
    first = contract.result or Port("image", "image", contract.result_channels)
    outputs = [(first, first_result(joined, contract)), *other_results(joined, contract)]
    return {port.name: _numbers(port, values) for port, values in outputs}


def _run(
    session: Session, taken: NDArray[np.uint8], levels: Mapping[str, NDArray[Any]]
) -> NDArray[Any]:
    """Return levels of all outputs; those of a float file are not rounded."""
    if session.note.quantized_sha256 or not isinstance(session, FloatSession):
        return session.run(taken)
    exact = with_exact_numbers(taken.astype(np.float64), session.note.contract, levels)
    return session.levels(exact)


def _state(contract: ImageContract, name: str, numbers: NDArray[Any]) -> NDArray[np.float64]:
    """Return the levels of a state, repeated to the image's sides.

    Raises:
        UsageError: there is no such state, or the array has another form.
    """
    port = next((port for port in contract.states if port.name == name), None)
    if port is None:
        names = " and ".join(f"'{port.name}'" for port in contract.states) or "none"
        raise UsageError(f"'{name}' is not a state of this file; its states: {names}.")
    if numbers.ndim != 3 or numbers.shape[2] != port.channels:
        raise UsageError(
            f"'{name}' is (height, width, {port.channels}), as a frame before returned it, not "
            f"{numbers.shape}."
        )
    low, high = np.array(port.low), np.array(port.high)
    levels: NDArray[np.float64] = (numbers - low) / (high - low) * WHITE
    return levels.repeat(port.downscale, axis=0).repeat(port.downscale, axis=1)


def _numbers(port: Port, levels: NDArray[Any]) -> NDArray[Any]:
    if port.kind == "image":
        return to_pixels(levels)
    numbers = port.numbers(levels)
    return numbers.ravel() if port.kind == "vector" else numbers
