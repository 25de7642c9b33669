"""Inputs other than the image: detected, reshaped to one form and mapped to one range.

Afterwards the image is the first input. Every input is (1, C, H, W), or (1, N, 1, 1) for a vector,
with values from 0 to the peak.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import onnx_ir as ir

from edge_imgq.errors import ModelError, UsageError
from edge_imgq.graph import edit
from edge_imgq.graph.operators import ELEMENTWISE
from edge_imgq.graph.ports.image_layout import IMAGE_CHANNELS, PLANES
from edge_imgq.graph.ports.port_feeds import is_one_pixel, side_ratio
from edge_imgq.ports import LAYOUTS, NOISE_WORDS, Kind, Port, PortRequests, says_noise
from edge_imgq.wording import count_of

MAX_NOISE = 75 / 255
"""Default upper end of a noise input, as a fraction of the pixel range."""

IMAGE_AXES = 4

NO_IMAGE = (*NOISE_WORDS, "mask", "strength", "trimap")
"""Words in an input's name that indicate that another input is the image."""


def take_image_first(model: ir.Model, requests: PortRequests, name: str) -> None:
    """Move the image before the other inputs, in place.

    The image is the input of rank 4 that the request calls raw, rgba or frames; else the likeliest
    by its channels: 3, then 4, other multiples of 3, 1. Inputs that the request calls otherwise,
    and names with words such as "noise" or "mask", come last. The order of the others is kept.

    Args:
        model: edited in place; has an input (N, C, H, W) with H and W other than 1.
        requests: the user's request.
        name: name of the model for messages.

    Raises:
        UsageError: the request names an input that does not exist.
    """
    inputs = model.graph.inputs
    names = [str(value.name) for value in inputs]
    bound = {port for port, _ in requests.bound}
    for port in requests.inputs:
        if port.name not in names and port.name not in bound:
            listed = " and ".join(f"'{other}'" for other in names)
            raise UsageError(f"{name} has no input '{port.name}'; it takes {listed}.")
    planes = [value for value in inputs if _is_plane(value)]
    image = min(planes, key=lambda value: _rank(value, requests.of_input(str(value.name)).kind))
    inputs[:] = [image, *(value for value in inputs if value is not image)]


def _rank(value: ir.Value, requested: Kind | None) -> tuple[int, int, bool]:
    """Return a sort key, least for the likeliest image: colour, then planes, frames, gray.

    Among equals, an input that the user did not name comes first.
    """
    name = str(value.name).lower().replace("masked", "")
    channels = value.shape[1] if value.shape is not None else None
    several = isinstance(channels, int) and channels > 0 and channels % IMAGE_CHANNELS == 0
    likely = (channels == IMAGE_CHANNELS, channels == PLANES, several, channels == 1, True)
    if requested in LAYOUTS[1:]:
        return 0, 0, True
    named_otherwise = requested is None and any(word in name for word in NO_IMAGE)
    order = 3 if requested not in (None, "image") else 2 if named_otherwise else 1
    return order, likely.index(True), requested is not None


def _is_plane(value: ir.Value) -> bool:
    shape = value.shape
    return shape is not None and len(shape) == 4 and not is_one_pixel(tuple(shape))


def shape_vectors(model: ir.Model) -> None:
    """Rewrite inputs of other ranks than 4 to take (1, N, 1, 1), in place; bit-exact.

    N is the product of the lengths, open ones counting as 1; elements keep their row-major order. A
    Reshape restores the old shape, except for one number that only scales or shifts images, which
    broadcasts as one pixel. The first input, the image, is left unchanged.
    """
    graph = model.graph
    for value in list(graph.inputs[1:]):
        if value.shape is None or len(value.shape) == IMAGE_AXES:
            continue
        lengths = [length if isinstance(length, int) else 1 for length in value.shape]
        pixel = ir.Value(
            name=value.name, shape=ir.Shape([1, int(np.prod(lengths)), 1, 1]), type=value.type
        )
        value.name = edit.free_name(graph, f"{value.name}.own")
        graph.inputs[list(graph.inputs).index(value)] = pixel
        uses = list(value.uses())
        scalars = [use for use in uses if np.prod(lengths) == 1 and _meets_image(use.node, value)]
        for use in scalars:  # one number meets an image as one pixel does
            use.node.replace_input_with(use.idx, pixel)
            _as_pixels(use.node)
        others = [use for use in uses if use not in scalars]
        if others:
            numbers = _reshaped(graph, pixel, value, lengths)
            for use in others:
                use.node.replace_input_with(use.idx, numbers)


def _meets_image(node: ir.Node, value: ir.Value) -> bool:
    """Return True if a scalar input passes only scalar arithmetic until it meets an image."""
    others = [v for v in node.inputs if v is not None and v is not value]
    if node.op_type not in ELEMENTWISE:
        return False
    if any(v.shape is not None and len(v.shape) == IMAGE_AXES for v in others):
        return True
    (result,) = node.outputs
    if not all(edit.is_constant(v) and edit.contents(v).size == 1 for v in others):
        return False
    readers = [use.node for use in result.uses()]
    return bool(readers) and all(_meets_image(reader, result) for reader in readers)


def _as_pixels(node: ir.Node) -> None:
    """Set the shape of scalar arithmetic to (1, 1, 1, 1) up to the image."""
    for output in node.outputs:
        if output.shape is not None and len(output.shape) < IMAGE_AXES:
            output.shape = ir.Shape([1, 1, 1, 1])
            for use in output.uses():
                _as_pixels(use.node)


def _reshaped(graph: ir.Graph, pixel: ir.Value, own: ir.Value, lengths: list[int]) -> ir.Value:
    """Insert a Reshape of an input to the shape that the network reads."""
    shape = edit.add_constant(graph, f"{pixel.name}.shape", np.array(lengths or [1], np.int64))
    node = ir.node("Reshape", [pixel, shape], name=f"{pixel.name}.own")
    result = node.outputs[0]
    result.shape, result.type = ir.Shape(lengths or [1]), own.type
    result.name = f"{pixel.name}.numbers"
    graph.insert_before(next(iter(graph)), node)
    return result


def further_ports(
    model: ir.Model,
    requests: PortRequests,
    span: tuple[float, float],
    image_channels: int,
    states: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Port, ...]:
    """Return the ports of the inputs other than the image, from the request, shapes and names.

    Without a request, an input without height and width is a vector, one whose name contains "mask"
    a mask, one of as many channels as the image, 3 or more, an image, else a plane; one that an
    output feeds is a state. Ranges that the user does not state are 0 to 75/255 of the span for
    noise levels, the span for images, else 0 to 1.

    Args:
        model: model with inputs (1, C, H, W) or (1, N, 1, 1), the image first.
        requests: the user's request.
        span: values of pixel 0 and pixel 255.
        image_channels: channels of the image.
        states: name of the output that feeds an input of the next frame, by the input's name.

    Raises:
        ModelError: the channels of an input are open.
        UsageError: the number of ranges is neither one nor the number of channels.
    """
    ports = []
    for value in model.graph.inputs[1:]:
        assert value.shape is not None
        name, channels = str(value.name), value.shape[1]
        if not isinstance(channels, int):
            raise ModelError(f"The channels of '{name}' are open; export the network with them.")
        request = requests.of_input(name)
        if len(request.low) not in (0, 1, channels):
            raise UsageError(
                f"'{name}' has {count_of(channels, 'channel')}; give a range for each, or one for "
                f"all, not {len(request.low)}."
            )
        kind = request.kind or _kind(name, value, channels, image_channels)
        kind = "state" if name in states else kind
        low, high = (
            request.low or _ends(name, kind, span)[0],
            request.high or _ends(name, kind, span)[1],
        )
        ratio = side_ratio(value.shape, model.graph.inputs[0].shape)
        ports.append(Port(name, kind, channels, low, high, ratio, states.get(name, "")))
    return tuple(ports)


def refuse_bound_beyond(requests: PortRequests, span: tuple[float, float]) -> None:
    """Refuse constants to which inputs are bound and that lie outside of the inputs' ranges.

    So a noise level in the wrong unit is noticed. The range is the user's, or, for names such as
    "noise" or "sigma", 0 to 75/255 of the pixels' span. Other inputs may have any value.

    Args:
        requests: the user's request, with the constants.
        span: values of pixel 0 and pixel 255.

    Raises:
        UsageError: a constant lies outside; the message states the range.
    """
    for name, numbers in requests.bound:
        request = requests.of_input(name)
        if not request.low and not says_noise(name):
            continue
        low, high = _ends(name, "plane", span)
        least, most = min(request.low or low), max(request.high or high)
        beyond = [number for number in numbers if not least <= number <= most]
        if beyond:
            ends = f"{min(least, beyond[0]):.9g}..{max(most, beyond[0]):.9g}"
            unit = " (15/255 for 15 levels of 255)" if span == (0, 1) else ""
            raise UsageError(
                f"'{name}' is bound to {beyond[0]:g}, and reaches {least:.4g} to {most:.4g} where "
                f"pixels are {span[0]:g} to {span[1]:g}. Write it in their unit{unit}, or say "
                f"that it reaches so far: --input {name}=plane:{ends}."
            )


def _kind(name: str, value: ir.Value, channels: int, image_channels: int) -> Kind:
    if not _is_plane(value):
        return "vector"
    if "mask" in name.lower():
        return "mask"
    return "image" if channels == image_channels and channels >= IMAGE_CHANNELS else "plane"


def _ends(
    name: str, kind: Kind, span: tuple[float, float]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if says_noise(name):
        return (0.0,), (MAX_NOISE * (span[1] - span[0]),)
    if kind == "image":
        return (span[0],), (span[1],)
    return (0.0,), (1.0,)


def take_ports(model: ir.Model, ports: tuple[Port, ...], peak: float) -> None:
    """Rewrite inputs other than the image to take values from 0 to the peak, in place.

    A value v becomes low + v · (high − low) / peak, by a Mul and an Add with constants, one or one
    per channel as the port has. Exact in real numbers.

    Args:
        model: edited in place; inputs are (1, C, H, W).
        ports: inputs of the model, with the values `low` and `high` that it takes now.
        peak: value that is mapped to `high`; 0 is mapped to `low`.
    """
    graph = model.graph
    for port in ports:
        value = next(entry for entry in graph.inputs if entry.name == port.name)
        low, high = (np.array(end).reshape(-1, 1, 1) for end in (port.low, port.high))
        if (low == 0).all() and (high == peak).all():
            continue
        uses, first = list(value.uses()), next(iter(graph))
        factor = edit.add_constant(graph, f"{port.name}.unit", np.float32((high - low) / peak))
        result = edit.insert_node(graph, first, "Mul", [value, factor], {}, f"{port.name}.mul")
        if (low != 0).any():
            offset = edit.add_constant(graph, f"{port.name}.low", np.float32(low))
            result = edit.insert_node(graph, first, "Add", [result, offset], {}, f"{port.name}.add")
        result.shape = value.shape
        for use in uses:
            use.node.replace_input_with(use.idx, result)
