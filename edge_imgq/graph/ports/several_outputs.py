"""Networks of several outputs: the image is moved first, and the others become ports.

The sides of the others divide the image's, so that all of them fit one array.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from math import prod

import onnx_ir as ir

from edge_imgq.errors import ModelError
from edge_imgq.graph.ports.image_layout import IMAGE_CHANNELS, ImageLayout
from edge_imgq.graph.ports.port_refusals import refuse_unfit_result
from edge_imgq.graph.shapes.size import bind_size, own_size
from edge_imgq.graph.shapes.size_multiple import Rule, Size, outline, sizes_to_try
from edge_imgq.ports import Port, PortRequests
from edge_imgq.scale import Scale

IMAGE_AXES = 4


def put_picture_first(
    model: ir.Model,
    requests: PortRequests,
    preferred: Sequence[Size],
    name: str,
    states: Collection[str] = (),
) -> None:
    """Move the output that is the image before the other outputs, in place.

    That is the output (1, C, H, W) of the most pixels; among equals, one of 3 channels or as many
    as the input, then one of 1 channel, then the first. Outputs that the user calls otherwise come
    after. The order of the others is kept.

    Args:
        model: float32 model of opset 21, the image its first input.
        requests: port properties that the user gave.
        preferred: heights and widths to try first.
        name: name of the model for messages.
        states: names of state outputs; one is the image only if there is no other.

    Raises:
        ModelError: shape inference fails at every size that was tried.
    """
    outputs = model.graph.outputs
    if len(outputs) == 1:
        return
    shapes = _first_shapes(model, preferred)
    if shapes is None:
        raise ModelError(
            f"{name} has {len(outputs)} outputs, and at no size that was tried all of them have a "
            "known shape. Name those that are wanted: --output-name NAME, once for each."
        )
    taken = model.graph.inputs[0].shape
    usual = {IMAGE_CHANNELS, None if taken is None else taken[1]}

    def rank(index: int) -> tuple[bool, int, int, int]:
        shape, kind = shapes[index], requests.of_output(str(outputs[index].name)).kind
        if kind is None and str(outputs[index].name) in states:
            kind = "image" if shape[1] in usual and len(states) == len(outputs) else "state"
        if len(shape) != IMAGE_AXES or kind not in (None, "image"):
            return len(shape) == IMAGE_AXES and kind == "plane", 0, 0, -index
        likely = 2 if shape[1] in usual else int(shape[1] == 1)
        return True, prod(shape[2:]), likely, -index

    first = max(range(len(outputs)), key=rank)
    ordered = [outputs[first], *(value for value in outputs if value is not outputs[first])]
    outputs[:] = ordered


def _first_shapes(model: ir.Model, preferred: Sequence[Size]) -> tuple[tuple[int, ...], ...] | None:
    fixed, light = own_size(model), outline(model)
    sizes = (fixed,) if fixed else sizes_to_try(model, preferred)
    return next((shapes for size in sizes if (shapes := shapes_at(light, size))), None)


def shapes_at(model: ir.Model, size: Size) -> tuple[tuple[int, ...], ...] | None:
    """Return the shapes of all outputs, in order, for an image of one height and width.

    None if one cannot be inferred, or if the model does not accept the size.
    """
    try:
        shapes = [value.shape for value in bind_size(model, size).graph.outputs]
    except ModelError:
        return None
    if any(shape is None or not shape.is_static() for shape in shapes):
        return None
    return tuple(tuple(map(int, shape.numpy())) for shape in shapes if shape is not None)


def side_ratios(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...] | None:
    """Return height and width of the first output divided by those of each other one.

    Args:
        shapes: shapes of all outputs, images (1, C, H, W), vectors (1, N), (N,) or (1, N, 1, 1).

    Returns:
        One integer for each output after the first, 0 for a vector; None if a ratio is not an
        integer or differs between the axes, or an output is neither image nor vector.
    """
    first, ratios = shapes[0], []
    for shape in shapes[1:]:
        if len(shape) <= 2 or shape[2:] == (1, 1):
            ratios.append(0)
            continue
        if len(shape) != IMAGE_AXES or len(first) != IMAGE_AXES or shape[0] != 1:
            return None
        rows, columns = (divmod(first[axis], shape[axis]) for axis in (2, 3))
        if rows != columns or rows[1]:
            return None
        ratios.append(rows[0])
    return tuple(ratios)


def with_others(rule: Rule) -> Rule:
    """Return a rule for sizes that also requires the same `side_ratios` at every size.

    A rule takes a model and a (height, width) and returns the scale of the output, or None if the
    size does not fit. The first size at which the given rule holds sets the ratios, so the returned
    rule must be used for one model only.
    """
    known: list[tuple[int, ...]] = []

    def together(model: ir.Model, size: Size) -> Scale | None:
        number = rule(model, size)
        if number is None or len(model.graph.outputs) == 1:
            return number
        shapes = shapes_at(model, size)
        ratios = None if shapes is None else side_ratios(shapes)
        if ratios is None:
            return None
        known[:] = known or [ratios]
        return number if ratios == known[0] else None

    return together


def other_ports(
    model: ir.Model,
    sizes: Iterable[Size],
    layout: ImageLayout,
    requests: PortRequests,
    span: tuple[float, float],
    states: Collection[str] = (),
) -> tuple[Port, ...]:
    """Return the ports of the outputs after the first, from the request and their shapes.

    Without a request, an output without height and width is a vector, one that feeds an input a
    state, one of 3 channels or as many as the image an image with the pixels' range, else a plane.

    Args:
        model: model whose outputs have the same `side_ratios` at every size.
        sizes: heights and widths to try, of which at least one works; the first that does is used.
        layout: layout of the image input.
        requests: port properties that the user gave.
        span: values of pixel 0 and pixel 255.
        states: names of outputs that feed an input of the next frame.

    Raises:
        UsageError: a request contradicts an output.
    """
    values = model.graph.outputs[1:]
    if not values:
        return ()
    light = outline(model)
    shapes = next(
        s for size in sizes if (s := shapes_at(light, size)) and side_ratios(s) is not None
    )
    ratios = side_ratios(shapes) or ()
    ports = []
    for value, shape, ratio in zip(values, shapes[1:], ratios, strict=True):
        name, kind = str(value.name), requests.of_output(str(value.name)).kind
        refuse_unfit_result(
            requests.of_output(name), shape[-1 if not ratio else 1], is_vector=not ratio
        )
        if not ratio:
            ports.append(Port(name, "vector", prod(shape)))
            continue
        if name in states and kind != "image":
            ports.append(Port(name, "state", shape[1], downscale=ratio))
            continue
        colours = {IMAGE_CHANNELS, layout.channels if layout.kind == "image" else IMAGE_CHANNELS}
        if kind == "image" or (kind is None and shape[1] in colours):
            ports.append(Port(name, "image", shape[1], span[:1], span[1:], ratio))
        else:
            ports.append(Port(name, "plane", shape[1], downscale=ratio))
    return tuple(ports)
