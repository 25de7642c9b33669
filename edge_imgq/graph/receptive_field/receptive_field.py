"""Receptive field of a network: the halo that tiles need, in input pixels.

The graph is bound to a long, narrow image, once in each direction. For every value, the first and
last image row that each element depends on are propagated
(`edge_imgq.graph.receptive_field.row_dependence`). The radius is the largest distance between an
output row and a row it depends on, if the image is longer than that; otherwise a longer image is
tried. The result does not depend on how operators are exported: a channel norm between
transpositions and window attention are followed as they compute.

Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edge_imgq.contract import FileNote, has_note
from edge_imgq.errors import ModelError
from edge_imgq.graph.operators import MOVING
from edge_imgq.graph.ports.port_feeds import graph_inputs, is_one_pixel, side_ratio
from edge_imgq.graph.receptive_field.row_dependence import (
    NotKnownError,
    RowRanges,
    constant,
    image,
    shape_of,
)
from edge_imgq.graph.receptive_field.row_rules import follow
from edge_imgq.graph.shapes.size import bind_size, own_size
from edge_imgq.graph.shapes.size_multiple import find_sides, outline, ratio_at

LONG, LONGER, SHORT = 768, 3072, 96
"""Sides of the trial images in pixels; the longer one is used if the first is too short."""

FINEST = 8
"""Largest number of rows per image row for which periods are searched.

Values with more have several axes flattened into one.
"""

MAX_PERIOD = 512
"""Longest period, in rows, that is searched."""

Size = tuple[int, int]


@dataclass(frozen=True)
class ReceptiveField:
    """The input pixels that one output pixel depends on; the most of several outputs.

    Attributes:
        radius: input pixels on each side, of the larger of height and width; None if it is the
            whole image or unknown.
        reason: why there is no radius, as a clause: "GlobalAveragePool 'x' looks at the whole
            image", or "what GridSample 'x' looks at is not known".
        period: input pixels by which a shift of the input shifts the output; tiles start at
            multiples of it.
        steady: whether a pixel far from the borders is the same in an image of another size. False
            where sampling positions depend on the corners of the image (Resize, align_corners).
    """

    radius: int | None
    reason: str = ""
    period: int = 1
    steady: bool = True

    @property
    def diameter(self) -> int | None:
        """Side in pixels of the input square on which an output pixel depends.

        It is 2 · radius + 1; None if the radius is unknown.
        """
        return None if self.radius is None else 2 * self.radius + 1


def receptive_field(model: ir.Model) -> ReceptiveField:
    """Return the receptive field of a float or QDQ model in input pixels, from its graph only.

    The radius, the larger of those along height and width, is never too small; it may be too large
    where an operator reads only some rows or channels of a range. It is None if an operator is
    unknown, no size works, or the output depends on the whole image. The model, whose first input
    is the image (N, C, H, W), is not changed, and nothing is run.
    """
    light = outline(model)
    fields = [_along(light, axis) for axis in (0, 1)]
    for field in fields:
        if field.radius is None:
            return field
    return ReceptiveField(
        max(field.radius for field in fields if field.radius is not None),
        period=math.lcm(*(field.period for field in fields)),
        steady=all(field.steady for field in fields),
    )


def _along(model: ir.Model, axis: int) -> ReceptiveField:
    """Return the receptive field along one axis: 0 is height, 1 is width."""
    field = ReceptiveField(None, "its shapes do not work out at any size that was tried")
    for long in (LONG, LONGER):
        bound = _bound(model, axis, long)
        if bound is None:
            return field
        field, enough = _measured(bound, axis)
        if enough:
            break
    return field


def _bound(model: ir.Model, axis: int, long: int) -> ir.Model | None:
    """Return a model bound to a long, narrow size, or to its fixed size; None if neither works."""
    for size in _sizes(model, axis, long):
        try:
            bound = bind_size(model, size)
        except ModelError:
            continue
        output = shape_of(bound.graph.outputs[0])
        if len(output) == 4 and output[2] * size[1] == output[3] * size[0]:
            return bound
    return None


def _sizes(model: ir.Model, axis: int, long: int) -> Iterator[Size]:
    """Yield candidate sizes, likeliest first."""
    fixed = own_size(model)
    multiple = 1
    if has_note(model.metadata_props):
        multiple = FileNote.from_strings(model.metadata_props, "the model").contract.multiple
    yield from _long_sizes(multiple, axis, long)
    if fixed is not None:
        yield fixed
    elif multiple == 1 and (sides := find_sides(model, (), ratio_at)) is not None:
        yield from _long_sizes(sides.multiple, axis, long)


def _long_sizes(multiple: int, axis: int, long: int) -> Iterator[Size]:
    """Yield a long, narrow size and a square one, rounded up to multiples."""
    side, narrow = (-(-length // multiple) * multiple for length in (long, SHORT))
    yield (side, narrow) if axis == 0 else (narrow, side)
    yield side, side


def _measured(model: ir.Model, axis: int) -> tuple[ReceptiveField, bool]:
    """Return the field along one axis of a bound graph, and whether the image was long enough."""
    source = model.graph.inputs[0]
    length = shape_of(source)[2 + axis]
    shapes = {v: shape_of(v) for v in graph_inputs(model.graph)}
    ranges = {
        plane: image(shape, 2 + axis, side_ratio(shape, shape_of(source)))
        for plane, shape in shapes.items()
        if not is_one_pixel(shape)
    }
    periods, steady, farthest = {1}, True, None
    for node in model.graph:
        inputs = [ranges.get(v) or constant(shape_of(v)) for v in node.inputs]  # type: ignore[arg-type]
        if all(value.nothing for value in inputs):
            continue
        try:
            results = follow(node, inputs)
        except NotKnownError:
            return ReceptiveField(None, f"what {_named(node)} looks at is not known"), True
        if _is_global(node, inputs, results, length):
            return ReceptiveField(None, f"{_named(node)} looks at the whole image"), True
        steady = steady and not _is_stretched(node, inputs)
        periods |= {period for value in results for period in _periods(value)}
        if farthest is None and any(_reach(value) >= length * 3 // 4 for value in results):
            farthest = node
        ranges.update(zip(node.outputs, results, strict=True))
    radius = max(_radius(ranges.get(value), 2 + axis, length) for value in model.graph.outputs)
    if radius < length * 3 // 4 or length < LONG:
        return ReceptiveField(radius, period=_common(periods, length), steady=steady), True
    where = "it" if farthest is None else _named(farthest)
    reason = f"how far {where} looks is not known; it may be {radius} pixels and more"
    return ReceptiveField(None, reason), False


def _named(node: ir.Node) -> str:
    return f"{node.op_type} '{node.name}'"


def _reach(value: RowRanges) -> int:
    """Return the largest number of rows that an element of a value spans."""
    return int((value.last - value.first).max())


def _radius(output: RowRanges | None, axis: int, length: int) -> int:
    """Return the largest distance of an output row to a row it depends on, in input rows."""
    if output is None:
        return 0
    indices = np.arange(output.shape[axis]) * length // output.shape[axis]
    rows = indices.reshape([-1 if a == axis else 1 for a in range(output.first.ndim)])
    sees = np.broadcast_to(output.first <= output.last, np.broadcast(rows, output.first).shape)
    before, after = (rows - output.first)[sees], (output.last - rows)[sees]
    return max(0, int(before.max(initial=0)), int(after.max(initial=0)))


def _is_global(
    node: ir.Node, inputs: list[RowRanges], results: list[RowRanges], length: int
) -> bool:
    """Return True if every result depends on all rows while no operand does."""

    def sees_all(value: RowRanges) -> bool:
        return bool((value.first <= 0).all() and (value.last >= length - 1).all())

    if node.op_type in MOVING:
        return False
    whole = all(sees_all(value) and not value.nothing for value in results)
    return whole and not any(sees_all(value) for value in inputs)


def _is_stretched(node: ir.Node, inputs: list[RowRanges]) -> bool:
    """Return True for a Resize of mode align_corners that changes the size."""
    if node.op_type != "Resize":
        return False
    mode = node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
    sides = zip(inputs[0].shape, shape_of(node.outputs[0]), strict=True)
    return mode == "align_corners" and any(before != after for before, after in sides)


def _periods(value: RowRanges) -> set[int]:
    """Return the input rows after which the row ranges of a value repeat, along its axes."""
    return {
        period
        for axis, side in enumerate(value.first.shape)
        for rows in (value.first, value.last)
        if side > 1
        and (period := _period(np.moveaxis(rows, axis, 0).reshape(rows.shape[axis], -1)[:, 0]))
    }


def _period(rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> int | None:
    """Return the rise of an array of rows per repetition, in its middle half, or None."""
    if len(rows) > LONGER * FINEST:  # pixels of both axes in one
        return None
    quarter = len(rows) // 4
    middle = rows[quarter : len(rows) - quarter]
    for shift in range(1, min(len(middle) // 3, MAX_PERIOD) + 1):
        rise = middle[shift] - middle[0]
        if rise > 0 and (middle[shift:] - middle[:-shift] == rise).all():
            return int(rise)
    return None


def _common(periods: set[int], length: int) -> int:
    common = math.lcm(*periods)
    return common if common <= length else 1
