"""Which of a network's own numbers the ends of a port stand for, where nobody says.

A last operator with a range of its own says it. Else photographs of the manifest are shown to the
network, and what it returns is taken with a margin on both sides: int8 clips what lies beyond.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.errors import UsageError
from edge_imgq.images.layout import to_nchw
from edge_imgq.images.samples import ImageSet, Photo, samples
from edge_imgq.recipe.manifest import default_manifest, image_path, read_manifest
from edge_imgq.wording import count_of

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

    from edge_imgq.contract import ImageContract
    from edge_imgq.ports import Port, PortRequest

ENDS = {
    "Sigmoid": (0.0, 1.0),
    "HardSigmoid": (0.0, 1.0),
    "Softmax": (0.0, 1.0),
    "Tanh": (-1.0, 1.0),
}
"""Ranges of operators that have one."""

NEVER_NEGATIVE = ("Abs", "Exp", "Relu", "Softplus", "Sqrt")
"""Operators whose range ends at 0; that photographs stay above it says nothing of others."""

PHOTOS = 8
MARGIN = 0.25
"""Of what the photographs reach, on each side."""

DIGITS = 3
"""Of ends that were measured, rounded outwards."""


def with_range(
    port: Port, model: ir.Model, contract: ImageContract, asked: PortRequest, place: int = 0
) -> Port:
    """Return a port with the ends that a person says, its operator has, or photographs reach.

    Args:
        port: a result of the model.
        model: float, of pixels from 0 to the contract's peak.
        contract: of the model.
        asked: what a person says of it.
        place: of the port among the model's outputs.

    Raises:
        UsageError: there are neither as many ranges as channels nor one.
    """
    from edge_imgq.graph.edit import find_maker

    if port.kind == "image" and not asked.low:
        return port
    if asked.low:
        if len(asked.low) not in (1, port.channels):
            raise UsageError(
                f"'{port.name}' has {count_of(port.channels, 'channel')}; give a range for each, "
                f"or one for all, not {len(asked.low)}."
            )
        return replace(port, low=asked.low, high=asked.high)
    last = find_maker(model.graph.outputs[place])
    if last is not None and last.op_type in ENDS:
        low, high = ENDS[last.op_type]
        return replace(port, low=(low,), high=(high,))
    least, most = _reached(port, model, contract, place)
    reach = np.where(most > least, most - least, np.maximum(np.abs(most), 1.0))
    least, most = least - MARGIN * reach, most + MARGIN * reach
    if last is not None and last.op_type in NEVER_NEGATIVE:
        least = np.maximum(least, 0.0)
    unit = 10.0 ** (np.floor(np.log10(most - least)) + 1 - DIGITS)
    ends = (np.floor(least / unit) * unit, np.ceil(most / unit) * unit)
    lows, highs = (tuple(float(f"{number:.6g}") for number in end) for end in ends)
    return replace(port, low=lows, high=highs)


def _reached(
    port: Port, model: ir.Model, contract: ImageContract, place: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lowest and the highest number of each channel over some photographs."""
    import onnx_ir as ir

    from edge_imgq.graph.ports.port_feeds import session_entries, split_ports
    from edge_imgq.graph.shapes.size import own_size
    from edge_imgq.runtime.onnxruntime import inference_session, run_session

    session = inference_session(ir.to_proto(model).SerializeToString())
    entries = session_entries(session)
    low, high = np.full(port.channels, np.inf), np.full(port.channels, -np.inf)
    for sample in samples(photographs(), replace(contract, result=None), own_size(model)):
        feeds = split_ports(to_nchw(sample.pixels, contract.peak), entries)
        values = run_session(session, feeds)[place].reshape(port.channels, -1)
        low, high = np.minimum(low, values.min(axis=1)), np.maximum(high, values.max(axis=1))
    return low, high


def photographs(count: int = PHOTOS) -> ImageSet:
    """Return the first photographs of the manifest that are for calibration."""
    listed = [image for image in read_manifest(default_manifest()) if image.split == "calibration"]
    photos = (Photo(image.name, image_path(image), of_manifest=True) for image in listed[:count])
    return ImageSet("photographs of the manifest", tuple(photos))
