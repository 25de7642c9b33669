"""Determine the ranges of a recurrent network's states.

A state has the same range as output and as input, so that an app passes its bytes on unchanged. Its
initial value, 0, is exactly one of the 256 levels. If the user states no range and the last
operator has none, the network runs on photographs of the manifest for several frames.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.frame_sequences import frame_of
from edge_imgq.images.layout import to_nchw
from edge_imgq.images.port_samples import WHITE
from edge_imgq.images.samples import samples
from edge_imgq.pipeline.open_model.port_range import MARGIN, bounded_range, photographs

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

    from edge_imgq.contract import ImageContract, PixelRange
    from edge_imgq.ports import Port, PortRequests

    Ends = tuple[float, float]

FRAMES = 16
"""Number of frames that each photograph is shown for."""

PHOTOS = 4
"""Number of photographs that ranges are measured on."""

SIDE = 192
"""Height and width in pixels of their center crop, if the network takes any size."""


def with_state_ranges(
    model: ir.Model, contract: ImageContract, pixels: PixelRange, requests: PortRequests
) -> ImageContract:
    """Return a contract in which each state has one range, for its input and its output.

    The range is the user's, else that of the state's operator, else one measured on photographs,
    widened by a quarter of its width. It includes 0 as one of 256 levels. An image as state has the
    pixels' range.

    Args:
        model: float model; pixels 0 … peak, states in their original range.
        contract: contract of the model.
        pixels: the original model's values for pixel 0 and pixel 255.
        requests: what the user states of the ports.

    Raises:
        ImageError: a photograph to measure on is missing, or too small.
        ModelError: the model does not run on a photograph.
        RecipeError: the manifest of photographs is invalid.
        UsageError: the user states several ranges, but not one per channel.
    """
    outputs = {str(value.name): value for value in model.graph.outputs}
    others = {port.name for port in contract.others}
    known: dict[str, Ends] = {}
    for port in contract.states:
        if port.fed_by not in others:  # the output image is the next state
            known[port.fed_by] = (pixels.low, pixels.high)
            continue
        ends = _said(port, requests) or bounded_range(outputs[port.fed_by])
        if ends is not None:
            known[port.fed_by] = _with_zero(ends)
    missing = [port.fed_by for port in contract.states if port.fed_by not in known]
    if missing:
        reached = _reached(model, contract)
        known |= {name: _with_margin(reached[name]) for name in missing}

    def ended(port: Port, name: str) -> Port:
        low, high = known[name]
        return replace(port, low=(low,), high=(high,))

    return replace(
        contract,
        further=tuple(ended(p, p.fed_by) if p.fed_by else p for p in contract.further),
        others=tuple(ended(p, p.name) if p.kind == "state" else p for p in contract.others),
    )


def _said(port: Port, requests: PortRequests) -> Ends | None:
    """Return the range that the user states for the input or output of a state."""
    for said in (requests.of_input(port.name), requests.of_output(port.fed_by)):
        if said.low:
            return min(said.low), max(said.high)
    return None


def _with_margin(reached: Ends) -> Ends:
    """Widen a measured range on each side; one without negative values is widened only above."""
    low, high = min(reached[0], 0.0), max(reached[1], 0.0)
    room = MARGIN * ((high - low) or 1.0)
    return _with_zero((low - room if low < 0 else 0.0, high + room))


def _with_zero(ends: Ends) -> Ends:
    """Return a range around the given one in which 0 is exactly one of the 256 levels.

    The size of a level is rounded to six digits, so an end may be inside by 5e-6 of the range.
    """
    low, high = min(ends[0], 0.0), max(ends[1], 0.0)
    level = int(np.ceil(-low / ((high - low) or 1.0) * WHITE))
    level = min(level, WHITE - 1) if high > 0 else level  # a small positive end needs a level
    below = -low / level if level else 0.0
    above = high / (WHITE - level) if level < WHITE else 0.0
    scale = float(f"{max(below, above) or 1 / WHITE:.6g}")
    return -level * scale, (WHITE - level) * scale


def _reached(model: ir.Model, contract: ImageContract) -> dict[str, Ends]:
    """Return the lowest and highest value of each output that feeds a state, by its name."""
    import onnx_ir as ir

    from edge_imgq.graph.ports.port_feeds import session_entries, split_ports
    from edge_imgq.graph.shapes.size import own_size
    from edge_imgq.runtime.onnxruntime import inference_session, run_session

    session = inference_session(ir.to_proto(model).SerializeToString())
    entries = session_entries(session)
    names = [output.name for output in session.get_outputs()]
    ranges = {port.fed_by: (np.inf, -np.inf) for port in contract.states}
    size = own_size(model) or contract.fitting((SIDE, SIDE))
    for sample in samples(photographs(PHOTOS), replace(contract, result=None), size):
        states: dict[str, NDArray[np.float32]] = {}
        for index in range(FRAMES):
            frame = to_nchw(frame_of(sample.pixels, contract, index), contract.peak)
            feeds = split_ports(frame, entries)
            zeros = {port.name: np.zeros_like(feeds[port.name]) for port in contract.states}
            results = run_session(session, {**feeds, **zeros, **states})
            returned = dict(zip(names, results, strict=True))
            states = {port.name: returned[port.fed_by] for port in contract.states}
            for name, (low, high) in ranges.items():
                values = returned[name]
                ranges[name] = min(low, float(values.min())), max(high, float(values.max()))
    return {name: (float(low), float(high)) for name, (low, high) in ranges.items()}
