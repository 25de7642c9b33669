"""Which of a network's own numbers the ends of its states stand for.

A state is returned and taken with one range, so that an app hands bytes back as they are, and 0,
which it begins with, is a level. Where nobody says the range and no operator has one, photographs
of the manifest are shown to the network, frame after frame.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.frame_sequences import frame_of
from edge_imgq.images.layout import to_nchw
from edge_imgq.images.port_samples import WHITE
from edge_imgq.images.samples import samples
from edge_imgq.pipeline.open_model.port_range import ENDS, MARGIN, photographs

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

    from edge_imgq.contract import ImageContract, PixelRange
    from edge_imgq.ports import Port, PortRequests

    Ends = tuple[float, float]

FRAMES = 16
"""Frames of each photograph that are shown."""

PHOTOS = 4
SIDE = 192
"""Of the middle of a photograph that is shown, where the network takes any size."""


def with_state_ranges(
    model: ir.Model, contract: ImageContract, pixels: PixelRange, asked: PortRequests
) -> ImageContract:
    """Return a contract whose states have one range each, on both ends.

    Args:
        model: float, of pixels from 0 to the contract's peak, its states in its own numbers.
        contract: of the model.
        pixels: the values that its picture has for pixel 0 and pixel 255.
        asked: what the person says of its ports.
    """
    outputs = {str(value.name): value for value in model.graph.outputs}
    others = {port.name for port in contract.others}
    known: dict[str, Ends] = {}
    for port in contract.states:
        if port.fed_by not in others:  # the picture is its own next state
            known[port.fed_by] = (pixels.low, pixels.high)
            continue
        ends = _said(port, asked) or _of_operator(outputs[port.fed_by])
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


def _said(port: Port, asked: PortRequests) -> Ends | None:
    for said in (asked.of_input(port.name), asked.of_output(port.fed_by)):
        if said.low:
            return min(said.low), max(said.high)
    return None


def _of_operator(value: ir.Value) -> Ends | None:
    node = value.producer()
    return None if node is None else ENDS.get(node.op_type)


def _with_margin(reached: Ends) -> Ends:
    """Return ends with room on each side; what never goes below 0 stays so."""
    low, high = min(reached[0], 0.0), max(reached[1], 0.0)
    room = MARGIN * ((high - low) or 1.0)
    return _with_zero((low - room if low < 0 else 0.0, high + room))


def _with_zero(ends: Ends) -> Ends:
    """Return ends that reach as far at least, and of whose levels one is 0."""
    low, high = min(ends[0], 0.0), max(ends[1], 0.0)
    level = int(np.ceil(-low / ((high - low) or 1.0) * WHITE))
    below = -low / level if level else 0.0
    above = high / (WHITE - level) if level < WHITE else 0.0
    step = float(f"{max(below, above) or 1 / WHITE:.6g}")
    return -level * step, (WHITE - level) * step


def _reached(model: ir.Model, contract: ImageContract) -> dict[str, Ends]:
    """Return the lowest and the highest number of each output that is a state."""
    import onnx_ir as ir

    from edge_imgq.graph.ports.port_feeds import session_entries, split_ports
    from edge_imgq.graph.shapes.size import own_size
    from edge_imgq.runtime.onnxruntime import inference_session, run_session

    session = inference_session(ir.to_proto(model).SerializeToString())
    entries = session_entries(session)
    names = [output.name for output in session.get_outputs()]
    found = {port.fed_by: (np.inf, -np.inf) for port in contract.states}
    size = own_size(model) or contract.fitting((SIDE, SIDE))
    for sample in samples(photographs(PHOTOS), replace(contract, result=None), size):
        states: dict[str, NDArray[np.float32]] = {}
        for place in range(FRAMES):
            frame = to_nchw(frame_of(sample.pixels, contract, place), contract.peak)
            feeds = split_ports(frame, entries)
            zeros = {port.name: np.zeros_like(feeds[port.name]) for port in contract.states}
            results = run_session(session, {**feeds, **zeros, **states})
            returned = dict(zip(names, results, strict=True))
            states = {port.name: returned[port.fed_by] for port in contract.states}
            for name, (low, high) in found.items():
                values = returned[name]
                found[name] = min(low, float(values.min())), max(high, float(values.max()))
    return {name: (float(low), float(high)) for name, (low, high) in found.items()}
