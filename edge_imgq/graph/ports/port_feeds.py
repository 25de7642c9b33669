"""One batch for all inputs of a graph: channels of the image, then of each further input.

So code that handles images (patches, tiles, calibration, torch) handles networks of several inputs.
A plane has channels of its own; of one at a fraction of the image's height and width, such as a
half, every second row and column is read. The elements of a vector are channels that are constant
over the image, of which the first pixel is read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import onnx
    import onnx_ir as ir

Batch = TypeVar("Batch", bound=Any)
"""Array or tensor (N, C, H, W)."""

Entry = tuple[str, tuple[Any, ...]]
"""Name and shape (N, C, H, W) of an input; with several inputs, C must be known."""


def split_ports(batch: Batch, entries: Sequence[Entry]) -> dict[str, Batch]:
    """Split one batch that holds the channels of all inputs into the inputs, by name.

    Args:
        batch: array or tensor (N, C, H, W), with the channels of all inputs one after the other.
        entries: name and shape of every input in order, the image first; C is known if there are
            several.

    Returns:
        Views of the batch: (N, C, H, W) per input of the image's size; every k-th row and column of
        it per plane of 1/k of the sides; the first pixel, (N, C, 1, 1), per vector.
    """
    if len(entries) == 1:
        return {entries[0][0]: batch}
    feeds, start = {}, 0
    for name, shape in entries:
        channels = batch[:, start : start + shape[1]]
        stride = side_ratio(shape, entries[0][1])
        feeds[name] = (
            channels[:, :, :1, :1] if is_one_pixel(shape) else channels[:, :, ::stride, ::stride]
        )
        start += shape[1]
    return feeds


def is_one_pixel(shape: Sequence[Any]) -> bool:
    """Return True if an input (N, C, H, W) is a vector: H = W = 1."""
    return tuple(shape[2:]) == (1, 1)


def side_ratio(shape: Any, image: Any) -> int:
    """Return how many times higher the image is than an input, rounded down and at least 1.

    It comes from both heights, or from the name of the input's open height, such as "height/2". It
    is 1 where neither is given, and for a vector (H = W = 1). The widths are taken to have the same
    ratio.

    Args:
        shape: (N, C, H, W) of the input; None if unknown.
        image: (N, C, H, W) of the image; None if unknown.
    """
    if shape is None or image is None or len(shape) != 4 or is_one_pixel(tuple(shape)):
        return 1
    length, whole = shape[2], image[2]
    if isinstance(length, int) and isinstance(whole, int):
        return max(whole // max(length, 1), 1)
    fraction = FRACTION.fullmatch(str(getattr(length, "value", length)))
    return int(fraction[1]) if fraction else 1


FRACTION = re.compile(r"(?:height|width)/(\d+)")
"""Name of an open length that is a fraction of the image's."""


def graph_inputs(graph: ir.Graph) -> list[ir.Value]:
    """Return the inputs of rank 4 that are not initializers, in graph order: the image first."""
    return [
        value
        for value in graph.inputs
        if not value.is_initializer() and value.shape is not None and len(value.shape) == 4
    ]


def further_inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """Return the inputs of rank 4 after the first, which is the image; initializers left out."""
    constants = {tensor.name for tensor in graph.initializer}
    others = [value for value in graph.input[1:] if value.name not in constants]
    return [value for value in others if len(value.type.tensor_type.shape.dim) == 4]


def session_entries(session: Any) -> list[Entry]:
    """Return name and shape of the inputs of rank 4 of an ONNX Runtime session, in its order.

    `session` is an `onnxruntime.InferenceSession`. Shapes (N, C, H, W) are tuples; open lengths are
    names (str) or None.
    """
    entries = [(entry.name, tuple(entry.shape)) for entry in session.get_inputs()]
    return [entry for entry in entries if len(entry[1]) == 4]


WORDS = ("height", "width")
"""Names of the image's open sides."""


def name_open_sides(value: onnx.ValueInfoProto, ratio: int) -> None:
    """Make height and width of a graph input, (N, C, H, W), open and name them, in place.

    They become "height" and "width" for `ratio` 1, and "height/2" and "width/2" for `ratio` 2, an
    input of half the image's height and width.
    """
    suffix = f"/{ratio}" if ratio > 1 else ""
    for dimension, word in zip(value.type.tensor_type.shape.dim[2:], WORDS, strict=True):
        dimension.dim_param = word + suffix


def size_ratio(proto: onnx.GraphProto, value: onnx.ValueInfoProto) -> int:
    """Return height of the image divided by that of a further input (N, C, H, W) of a graph.

    It is rounded down and at least 1, and 1 if the graph states neither both heights nor a name
    such as "height/2", or for a vector. The image is the graph's first input.
    """
    return side_ratio(*(_lengths(entry) for entry in (value, proto.input[0])))


def _lengths(value: onnx.ValueInfoProto) -> list[Any]:
    return [d.dim_value or d.dim_param or None for d in value.type.tensor_type.shape.dim]
