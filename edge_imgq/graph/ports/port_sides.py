"""Inputs of a fraction of the image's height and width: masks at a half, states at a quarter.

An open height of such an input is named "height/2" in the graph, so that every reader of the graph
or of a file knows the fraction. Where the given file does not say it, fractions are tried by shape
inference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, product
from typing import Any

import onnx
import onnx_ir as ir

from edge_imgq.errors import ModelError
from edge_imgq.graph.ports.port_feeds import (
    graph_inputs,
    is_one_pixel,
    name_open_sides,
    side_ratio,
)
from edge_imgq.graph.ports.several_outputs import shapes_at
from edge_imgq.graph.shapes.size_multiple import Size, outline, sizes_to_try

TRIED_FRACTIONS = (1, 2, 4, 8, 16, 32, 3, 6)
"""Fractions of the image's sides to try, likeliest first."""

MAX_TRIALS = 64


def name_sides(
    model: ir.Model, preferred: Sequence[Size], states: Sequence[tuple[str, str]], name: str
) -> ir.Model:
    """Name the open sides of planes after their fraction of the image's, such as "height/2".

    Fractions that the model does not state are tried, 1, 2, 4, … , until shapes agree by inference
    and states have the size of the outputs that feed them.

    Args:
        model: float32 model of opset 21, the image first; not changed.
        preferred: heights and widths to try first.
        states: pairs of an output and the input that it feeds in the next frame.
        name: name of the model for messages.

    Returns:
        A copy; the model itself if the shapes of all planes state their fraction, or if no
        fractions fit at the sizes that were tried.

    Raises:
        ModelError: the sides of an input are not a whole fraction of the image's.
    """
    image, *others = graph_inputs(model.graph)
    planes = [value for value in others if not is_one_pixel(tuple(value.shape or ()))]
    for value in planes:
        _refuse_odd(image, value, name)
    unsaid = [value for value in planes if not _is_said(image, value)]
    if not unsaid:
        return model
    proto = ir.to_proto(model)
    for ratios in _combinations(len(unsaid)):
        table = {str(value.name): ratio for value, ratio in zip(unsaid, ratios, strict=True)}
        _set_sides(proto, table)
        trial: ir.Model = ir.from_proto(proto)
        if _works(trial, preferred, dict(states)):
            return trial
    return model


def _refuse_odd(image: ir.Value, value: ir.Value, name: str) -> None:
    """Raise for fixed sides that do not divide the image's."""
    sides, own = (tuple(v.shape or ())[2:] for v in (image, value))
    if not all(isinstance(side, int) for side in (*sides, *own)):
        return
    rests = [divmod(a, b) for a, b in zip(_numbers(sides), _numbers(own), strict=True)]
    if rests[0] != rests[1] or rests[0][1]:
        raise ModelError(
            f"{name} takes '{value.name}' of {own[0]}x{own[1]} beside an image of "
            f"{sides[0]}x{sides[1]}; its sides must be those of the image or one whole part of "
            "them, such as a half. Resize it inside the model."
        )


def _numbers(sides: Sequence[Any]) -> list[int]:
    return [int(side) for side in sides]


def _is_said(image: ir.Value, value: ir.Value) -> bool:
    sides, own = (tuple(v.shape or ())[2:] for v in (image, value))
    if all(isinstance(side, int) for side in own):
        return True
    texts = [[str(getattr(side, "value", side)) for side in both] for both in (sides, own)]
    return texts[0] == texts[1] != ["None", "None"] or side_ratio(value.shape, image.shape) > 1


def _combinations(count: int) -> Iterator[tuple[int, ...]]:
    """Yield fractions for a number of inputs: equal ones first."""
    equal = ((ratio,) * count for ratio in TRIED_FRACTIONS)
    mixed = (ratios for ratios in product(TRIED_FRACTIONS, repeat=count) if len(set(ratios)) > 1)
    candidates = chain(equal, mixed)
    yield from (ratios for ratios, _ in zip(candidates, range(MAX_TRIALS), strict=False))


def _set_sides(proto: onnx.ModelProto, table: Mapping[str, int]) -> None:
    for value in proto.graph.input:
        if value.name in table:
            name_open_sides(value, table[value.name])


def _works(model: ir.Model, preferred: Sequence[Size], states: Mapping[str, str]) -> bool:
    """Return True if all shapes agree at a size, and states have those of what feeds them."""
    light = outline(model)
    names = [str(value.name) for value in light.graph.outputs]
    inputs = {str(value.name): value for value in light.graph.inputs}
    for size, _ in zip(sizes_to_try(light, preferred), range(3), strict=False):
        shapes = shapes_at(light, size)
        if shapes is None:
            continue
        returned = dict(zip(names, shapes, strict=True))
        ratios = {
            fed_by: side_ratio(inputs[state].shape, light.graph.inputs[0].shape)
            for fed_by, state in states.items()
        }
        return all(
            returned[fed_by][2:] == (size[0] // ratio, size[1] // ratio)
            for fed_by, ratio in ratios.items()
        )
    return False
