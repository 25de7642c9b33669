"""Determine the range of a network's output if the user does not state it.

It is the range of the last operator if that is bounded, such as Sigmoid, carried through arithmetic
with single constants and through reshapes after it. Otherwise the network runs on photographs of
the manifest, and the range of its values is widened on both sides. Int8 clips values outside the
range.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.errors import UsageError
from edge_imgq.images.layout import to_nchw
from edge_imgq.images.port_results import takes_colours
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
"""Ranges (low, high) of bounded operators."""

ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "Div": operator.truediv,
}
"""Operators through which a range is followed, if one of their inputs is a single constant."""

SAME_NUMBERS = ("Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
"""Operators that return the numbers of their first input."""

NEVER_NEGATIVE = ("Abs", "Exp", "Relu", "Softplus", "Sqrt")
"""Operators without negative values; the low end of a measured range is not widened below 0."""

PHOTOS = 8
"""Number of photographs that a range is measured on."""

MARGIN = 0.25
"""Widening of a measured range on each side, relative to its width."""

DIGITS = 3
"""Significant digits of a measured range, relative to its width; ends are rounded outwards."""


def with_range(
    port: Port, model: ir.Model, contract: ImageContract, requests: PortRequest, index: int = 0,
    span: tuple[float, float] | None = None,
) -> Port:  # fmt: skip
    """Return a port with a range: the user's, that of its operator, the pixels' or a measured one.

    An image without a range of the user is returned unchanged. A measured range has one (low, high)
    per channel, widened on each side by a quarter of its width.

    Args:
        port: an output of the model.
        model: float model, pixels 0 … peak.
        contract: contract of the model.
        requests: what the user states of the port.
        index: index of the port among the model's outputs.
        span: the original model's values for pixel 0 and pixel 255; None if not known. It is the
            range of a plane that resembles an input of mosaics, frames, RGB or RGBA and stays
            within it.

    Raises:
        UsageError: the user states several ranges, but not one per channel.
        ImageError: a photograph to measure on is missing, or too small.
        RecipeError: the manifest of photographs is invalid.
        ModelError: the model does not run on a photograph.
    """
    from edge_imgq.graph.edit import find_producer

    if port.kind == "image" and not requests.low:
        return port
    if requests.low:
        if len(requests.low) not in (1, port.channels):
            raise UsageError(
                f"'{port.name}' has {count_of(port.channels, 'channel')}; give a range for each, "
                f"or one for all, not {len(requests.low)}."
            )
        return replace(port, low=requests.low, high=requests.high)
    last = find_producer(model.graph.outputs[index])
    if (ends := bounded_range(model.graph.outputs[index])) is not None:
        return replace(port, low=ends[:1], high=ends[1:])
    least, most = _reached(port, model, contract, index)
    if span is not None and _is_like_input(port, contract):
        room = MARGIN * (span[1] - span[0])
        if span[0] - room <= least.min() and most.max() <= span[1] + room:
            return replace(port, low=span[:1], high=span[1:])
    reach = np.where(most > least, most - least, np.maximum(np.abs(most), 1.0))
    least, most = least - MARGIN * reach, most + MARGIN * reach
    if last is not None and last.op_type in NEVER_NEGATIVE:
        least = np.maximum(least, 0.0)
    unit = 10.0 ** (np.floor(np.log10(most - least)) + 1 - DIGITS)
    outwards = (np.floor(least / unit) * unit, np.ceil(most / unit) * unit)
    lows, highs = (tuple(float(f"{number:.6g}") for number in end) for end in outwards)
    return replace(port, low=lows, high=highs)


def _is_like_input(port: Port, contract: ImageContract) -> bool:
    """Return True for a plane with the channels of an input of mosaics, frames or RGBA.

    RGBA beside an RGB input of the same size is like it too, as of matting.
    """
    if port.kind != "plane":
        return False
    if contract.layout == "image":
        return port.channels == len("rgba") and takes_colours(contract)
    return port.channels == contract.image_channels


def bounded_range(value: ir.Value | None) -> tuple[float, float] | None:
    """Return the (low, high) that operators guarantee for a value; None if it is unbounded.

    Arithmetic with a scalar constant, and operators that keep values, are followed back to an
    activation with bounded output: Tanh divided by 2 gives (-0.5, 0.5).
    """
    from edge_imgq.graph.edit import contents, find_producer, is_constant

    node = find_producer(value)
    if node is None:
        return None
    if node.op_type in ENDS:
        return ENDS[node.op_type]
    if node.op_type in SAME_NUMBERS:
        return bounded_range(node.inputs[0])
    if node.op_type not in ARITHMETIC:
        return None
    apply, (first, second) = ARITHMETIC[node.op_type], node.inputs
    is_first = is_constant(first)
    given, held = (second, first) if is_first else (first, second)
    ends = bounded_range(given)
    if ends is None or not is_constant(held) or contents(held).size != 1:
        return None
    constant = float(contents(held).item())
    if node.op_type == "Div" and (is_first or not constant):
        return None
    low, high = sorted(apply(constant, end) if is_first else apply(end, constant) for end in ends)
    return (low, high) if low < high else None


def _reached(
    port: Port, model: ir.Model, contract: ImageContract, index: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lowest and highest value of each channel over PHOTOS photographs, float64 (C,)."""
    import onnx_ir as ir

    from edge_imgq.graph.ports.port_feeds import session_entries, split_ports
    from edge_imgq.graph.shapes.size import own_size
    from edge_imgq.runtime.onnxruntime import inference_session, run_session

    session = inference_session(ir.to_proto(model).SerializeToString())
    entries = session_entries(session)
    low, high = np.full(port.channels, np.inf), np.full(port.channels, -np.inf)
    for sample in samples(photographs(), replace(contract, result=None), own_size(model)):
        feeds = split_ports(to_nchw(sample.pixels, contract.peak), entries)
        values = run_session(session, feeds)[index].reshape(port.channels, -1)
        low, high = np.minimum(low, values.min(axis=1)), np.maximum(high, values.max(axis=1))
    return low, high


def photographs(count: int = PHOTOS) -> ImageSet:
    """Return the first `count` calibration photographs of the manifest, in its order, unread.

    There are fewer if the manifest lists fewer.

    Raises:
        RecipeError: the manifest is invalid.
        ImageError: a photograph is missing, or its digest is another than in the manifest.
    """
    listed = [image for image in read_manifest(default_manifest()) if image.split == "calibration"]
    photos = (Photo(image.name, image_path(image), of_manifest=True) for image in listed[:count])
    return ImageSet("photographs of the manifest", tuple(photos))
