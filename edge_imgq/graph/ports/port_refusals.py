"""Checks that refuse port requests which contradict the network."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from edge_imgq.errors import UsageError
from edge_imgq.graph.ports.image_layout import IMAGE_CHANNELS, PLANES
from edge_imgq.graph.ports.port_feeds import is_one_pixel
from edge_imgq.ports import LAYOUTS, Kind, PortRequest, PortRequests
from edge_imgq.wording import count_of

RETURNED: tuple[Kind, ...] = ("image", "plane", "vector", "state")
"""Kinds of outputs."""


def refuse_contradicted(model: ir.Model, requests: PortRequests) -> None:
    """Refuse input requests that contradict the network.

    Args:
        model: model with the image as first input, the others in their original shapes.
        requests: the user's request.

    Raises:
        UsageError: an input has a shape of another kind than requested (vector, plane, image), or a
            range is given for the image, whose range is that of all pixels.
    """
    image, *others = model.graph.inputs
    _refuse_range(requests.of_input(str(image.name)))
    for value in others:
        _refuse_kind(value, requests.of_input(str(value.name)), image)


def _refuse_range(request: PortRequest) -> None:
    if request.low:
        raise UsageError(
            f"'{request.name}' is what becomes of the photograph, and the range of its pixels "
            "holds for what comes out, too: say it with --range (`pixel_range` in Python), and "
            f"leave it out of --input {request.name}={request.kind}."
        )


def _refuse_kind(value: ir.Value, request: PortRequest, image: ir.Value) -> None:
    if request.kind is None:
        return
    name, shape = request.name, tuple(value.shape or ())
    of = f"--input {name}={request.kind}"
    if request.kind in LAYOUTS[1:]:
        raise UsageError(
            f"{of} is for what becomes of the photograph, and that is '{image.name}' here; "
            f"'{name}' is a plane, mask, vector or image beside it."
        )
    is_vector = len(shape) != 4 or is_one_pixel(shape)
    if is_vector != (request.kind == "vector"):
        has = "no height and width: it is a vector" if is_vector else "a height and a width"
        other = "" if is_vector else ": it is a plane, mask or image"
        raise UsageError(f"'{name}' has {has}{other}, not what {of} says.")
    channels = None if is_vector else shape[1]
    if request.kind == "image" and channels not in (None, _photograph_channels(image)):
        raise UsageError(
            f"'{name}' has {channels} of the {_photograph_channels(image)} channels that a "
            f"photograph has here: it is a plane or mask, not what {of} says."
        )


def _photograph_channels(image: ir.Value) -> int | None:
    """Return the channels of a photograph for an input, 3 or 1, or None if they are open."""
    assert image.shape is not None
    channels = image.shape[1]
    if not isinstance(channels, int):
        return None
    return IMAGE_CHANNELS if channels == PLANES or channels % IMAGE_CHANNELS == 0 else 1


def refuse_unfit_result(request: PortRequest, channels: int, *, is_vector: bool) -> None:
    """Refuse an output request that contradicts the network.

    Args:
        request: the user's request for the output; without a kind, nothing is refused.
        channels: channels of the output, or elements of a vector.
        is_vector: whether the output has no height and width.

    Raises:
        UsageError: the kind is none of an output (image, plane, vector, state), the output has a
            shape of another kind, or an image has neither 1 nor 3 channels.
    """
    if request.kind is None:
        return
    of = f"--output-name {request.name}={request.kind}"
    if request.kind not in RETURNED:
        raise UsageError(f"{of} names no kind of output: these are {_listed(RETURNED)}.")
    if is_vector != (request.kind == "vector"):
        has = "no height and width" if is_vector else "a height and a width"
        are = "a vector" if is_vector else "an image or plane"
        raise UsageError(f"'{request.name}' has {has}: it is {are}, not what {of} says.")
    if request.kind == "image" and channels not in (1, IMAGE_CHANNELS):
        raise UsageError(
            f"'{request.name}' has {count_of(channels, 'channel')}, and an image has 1 or "
            f"{IMAGE_CHANNELS}: it is a plane, not what {of} says."
        )


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"
