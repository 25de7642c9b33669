"""The image contract of an ONNX model, from its metadata or derived from its shapes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import onnx_ir as ir

from edge_imgq.contract import FileNote, ImageContract, has_note
from edge_imgq.errors import ModelError
from edge_imgq.graph.load.dynamic_shape import holds_no_size
from edge_imgq.graph.load.refusals import shape_in_words
from edge_imgq.graph.ports.border import Border, find_border, with_border
from edge_imgq.graph.ports.image_layout import IMAGE_CHANNELS, ImageLayout, image_layout
from edge_imgq.graph.ports.port_inputs import further_ports
from edge_imgq.graph.ports.port_refusals import refuse_unfit_result
from edge_imgq.graph.ports.several_outputs import other_ports, with_others
from edge_imgq.graph.shapes.size import bind_size, own_size
from edge_imgq.graph.shapes.size_multiple import (
    TRIED_SIDES,
    Rule,
    Sides,
    Size,
    channels_at,
    find_sides,
    numbers_at,
    outline,
    output_at,
    ratio_at,
    scale_at,
    sizes_to_try,
)
from edge_imgq.ports import NO_PORT_REQUESTS, Port, PortRequests
from edge_imgq.scale import Scale

GROWING = "edge-imgq is for networks whose output's sides are one multiple of the input's"

SURE_TERM = 4
"""Largest value of the smaller term of a scale that is believed at one size alone: 3/2, 1/8."""


def read_pixels(
    model: ir.Model,
    name: str,
    peak: float,
    preferred: Sequence[Size] = (),
    requests: PortRequests = NO_PORT_REQUESTS,
    span: tuple[float, float] = (0.0, 1.0),
    states: Sequence[tuple[str, str]] = (),
) -> tuple[ir.Model, ImageContract]:
    """Return a model and its image contract: task, scale, colour, peak, size multiple and ports.

    If the model has metadata, the contract is read from it, and only `name` is used of the other
    arguments. Else it is derived from the shapes that the model infers at a few sizes.

    Args:
        model: float32 model of opset 21; the image is its first input, all inputs are (1, C, H, W);
            not changed.
        name: name for messages.
        peak: float value of pixel 255 if the model has no metadata.
        preferred: heights and widths to try first.
        requests: port properties that the user gave.
        span: values of pixel 0 and pixel 255 in the given model, before they became 0 and `peak`.
        states: pairs of an output and the input that it feeds in the next frame.

    Returns:
        The model itself; a copy bound to the only size that it accepts; or, if its output lacks a
        border, a copy that mirror-pads its images first.

    Raises:
        ModelError: the input is not a known kind of image, the output is neither a vector nor an
            image, its size is not a fixed multiple of the input's, or no size works.
        UsageError: the number of ranges given for an input is neither one nor its channels.
    """
    if has_note(model.metadata_props):
        return model, FileNote.from_strings(model.metadata_props, name).contract
    vector = _sides(model, preferred, with_others(numbers_at), alone=True)
    sides = vector or _sides(model, preferred, with_others(scale_at))
    border = None if sides else _border(model, preferred)
    if border:
        extended = with_border(model, border)
        whole, contract = read_pixels(extended, name, peak, preferred, requests, span, states)
        return whole, replace(contract, border=border.pixels)
    sides = sides or _fraction(model, preferred, name)
    given = _given(model, sides, preferred, is_vector=vector is not None)
    layout = image_layout(model, name, requests, sides.scale, given)
    contract = ImageContract(
        task=_task(sides.scale, layout, is_vector=vector is not None),
        scale=1 if vector else sides.scale,
        colour=layout.colour,
        peak=peak,
        multiple=sides.multiple,
        layout=layout.kind,
        frames=layout.frames,
        result=_result(model, given, layout, requests, span, is_vector=vector is not None),
        further=further_ports(
            model, requests, span, layout.channels, {state: fed_by for fed_by, state in states}
        ),
        others=other_ports(
            model,
            _tried(model, sides, preferred),
            layout,
            requests,
            span,
            [fed_by for fed_by, _ in states],
        ),
    )
    _refuse_unlike_states(contract, name)
    if sides.only is None:
        return model, contract
    for size in preferred:
        _refuse_other_sizes(model, name, size, sides.only)
    return bind_size(model, sides.only), contract


def _border(model: ir.Model, preferred: Sequence[Size]) -> Border | None:
    """Return the border that the output of a model of open sides lacks, if there is one."""
    return None if own_size(model) else find_border(outline(model), _first(model, preferred))


def _fraction(model: ir.Model, preferred: Sequence[Size], name: str) -> Sides:
    """Return the sides of a model whose scale is a fraction.

    Raises:
        ModelError: the output's sides are no multiple of the input's.
    """
    sides = _sides(model, preferred, with_others(ratio_at))
    if sides is None or not _is_likely(model, sides):
        raise _unfit(model, name, preferred)
    return sides


def _refuse_unlike_states(contract: ImageContract, name: str) -> None:
    """Raise if a state is returned with other sides than it is taken with.

    Raises:
        ModelError: the message names both.
    """
    ratios = {port.name: port.downscale for port in contract.others}
    for port in contract.states:
        if ratios.get(port.fed_by, 1) != contract.scale * port.downscale:
            raise ModelError(
                f"{name} takes '{port.name}' with other sides than those of '{port.fed_by}', which "
                "it returns: one cannot be the other's next state. Resize it inside the model."
            )


def _is_likely(model: ir.Model, sides: Sides) -> bool:
    """Return True if a scale is no accident of one size, at which a border would look like it."""
    least = min(sides.scale.numerator, sides.scale.denominator)
    return least <= SURE_TERM or (own_size(model) is None and sides.only is None)


def _task(scale: Scale, layout: ImageLayout, *, is_vector: bool) -> str:
    if is_vector:
        return "image-to-vector"
    # What becomes of a sensor's values is a matter of taste: there is no truth.
    return "super-resolution" if scale > 1 and layout.kind != "raw" else "image-to-image"


def contract_of(model: ir.Model, name: str, peak: float) -> ImageContract:
    """Return the image contract of a model: task, scale, colour, peak, size multiple and ports.

    It is read from the model's metadata if it has some, else derived from the shapes that the model
    infers at a few sizes, as by `read_pixels`.

    Args:
        model: float32 model of opset 21; the image is its first input, all inputs are (1, C, H, W);
            not changed.
        name: name for messages.
        peak: float value of pixel 255 if the model has no metadata.

    Raises:
        ModelError: the input is not a known kind of image, the output is neither a vector nor an
            image, its size is not a fixed multiple of the input's, or no size works.
    """
    return read_pixels(model, name, peak)[1]


def _sides(
    model: ir.Model, preferred: Sequence[Size], rule: Rule, *, alone: bool = False
) -> Sides | None:
    """Return the sides that a rule accepts, or None; with `alone`, also None for image outputs."""
    fixed = own_size(model)
    if fixed is None:
        return None if alone and _is_image(model) else find_sides(model, preferred, rule)
    scale = rule(model, fixed)
    return None if scale is None else Sides(scale, 1)


def _is_image(model: ir.Model) -> bool:
    """Return True if the recorded output shape is that of an image; this avoids slow trials."""
    shape = model.graph.outputs[0].shape
    return shape is not None and len(shape) == 4 and tuple(shape[2:]) != (1, 1)


def _tried(model: ir.Model, sides: Sides, preferred: Sequence[Size]) -> Iterable[Size]:
    """Return candidate sizes, at least one of which works."""
    only = own_size(model) or sides.only
    return (only,) if only else sizes_to_try(model, preferred)


def _given(model: ir.Model, sides: Sides, preferred: Sequence[Size], *, is_vector: bool) -> int:
    """Return the number of channels that a model returns."""
    if is_vector:
        return int(sides.scale)
    light = outline(model)
    for size in _tried(model, sides, preferred):
        if ratio_at(light, size) is not None:
            return channels_at(light, size)
    raise AssertionError("a size that works was found before")


def _result(
    model: ir.Model,
    channels: int,
    layout: ImageLayout,
    requests: PortRequests,
    span: tuple[float, float],
    *,
    is_vector: bool,
) -> Port | None:
    """Return the first output as a port, or None for an image of the input's kind."""
    name = str(model.graph.outputs[0].name)
    wanted = requests.of_output(name)
    kind = wanted.kind
    refuse_unfit_result(wanted, channels, is_vector=is_vector)
    if is_vector:
        return Port(name, "vector", channels)
    if layout.kind == "image" and channels == layout.channels and kind in (None, "image"):
        has_own_range = wanted.low and (wanted.low, wanted.high) != _ends(span)
        return Port(name, "image", channels, *_ends(span)) if has_own_range else None
    pictures = (IMAGE_CHANNELS, 1 if layout.colour == "y" else IMAGE_CHANNELS)
    is_image = kind == "image" or (kind is None and channels in pictures)
    if is_image and channels in (1, IMAGE_CHANNELS):
        return Port(name, "image", channels, *_ends(span))
    return Port(name, "plane", channels)


def _ends(span: tuple[float, float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the values of pixel 0 and pixel 255 as those of a port."""
    return span[:1], span[1:]


def _no_image(model: ir.Model, name: str) -> ModelError:
    output = model.graph.outputs[0]
    return ModelError(
        f"{name} takes an image and returns '{output.name}' of shape {shape_in_words(output)}; "
        "edge-imgq is for networks that return an image (1, C, H, W), whose sides grow with the "
        "input's, or numbers (1, N). Wrap the network so that it does, or convert "
        "it with another tool."
    )


def _refuse_other_sizes(model: ir.Model, name: str, size: Size, only: Size) -> None:
    """Raise if a model with open sides accepts only one size.

    Raises:
        ModelError: the model does not accept `size`.
    """
    if size == only:
        return
    holder = next((node for node in model.graph if not holds_no_size(node)), None)
    which = "" if holder is None else f" {holder.op_type} '{holder.name}' may hold that size."
    raise ModelError(
        f"{name} says that its height and width are open, takes {only[0]}x{only[1]} and does not "
        f"take {size[0]}x{size[1]}.{which} Export it to ONNX again with open height and width, or "
        f"give --size {only[0]}x{only[1]}."
    )


def _unfit(model: ir.Model, name: str, preferred: Sequence[Size]) -> ModelError:
    """Return the error for a model whose output size fits at no input size.

    Raises:
        ModelError: shape inference fails.
    """
    if len(model.graph.outputs) > 1:
        names = ", ".join(f"'{value.name}'" for value in model.graph.outputs)
        return ModelError(
            f"{name} returns {names}, and there is no size at which the sides of the first are a "
            "multiple of the image's, and whole multiples of the others'. Name those that "
            "you want: --output-name NAME, once for each."
        )
    size = _first(model, preferred)
    output = output_at(outline(model), size)
    if output is None:
        return _no_image(model, name)
    gives = f"{name} makes {output[0]}x{output[1]} pixels of {size[0]}x{size[1]}"
    remedy = "Resize or pad inside the model."
    if own_size(model) is not None:
        remedy = f"Export it with open height and width. {remedy}"
    return ModelError(f"{gives}; {GROWING}. {remedy}")


def _first(model: ir.Model, preferred: Sequence[Size]) -> Size:
    """Return the size at which to diagnose a model whose output size never fits."""
    return own_size(model) or next(iter(preferred), (TRIED_SIDES[0], TRIED_SIDES[0]))
