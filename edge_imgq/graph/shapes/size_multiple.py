"""Finding which heights and widths a network takes, by trying them on its shapes.

No operator says what its graph asks of an image: windows of 12 pixels, a skip over three halvings
and a Reshape that holds 64x64 all show as shapes that do not meet, or as an output that is no whole
multiple of the input. So sides are tried. The first pair that works is divided by its prime factors
as long as images of the quotient still work, where "of the quotient" is a product with a prime that
the pair does not hold, so that nothing but the quotient can be why it works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import gcd, isqrt, prod

import numpy as np
import onnx
import onnx_ir as ir

from edge_imgq.errors import ModelError
from edge_imgq.graph import edit
from edge_imgq.graph.shapes.size import bind_size

Size = tuple[int, int]

Rule = Callable[[ir.Model, Size], int | None]
"""Returns a number that is the same at every size that a network takes; None at any other."""

TRIED = (448, 384, 480, 840, 640, 1152, 1344, 704, 832, 1088, 1216, 1472)
"""Sides to try where nobody names one: their divisors hold every multiple up to 24, and 28, 30, 32,
35, 36, 40, 42, 48, 56, 60, 64, 72, 96, 120, 128 and 192."""

AMPLE = 250
"""Trial images are at least as large, so that no window, padding or halving meets an end."""

SMALL = 1024
"""Constants of more numbers are weights, not shapes, if they are of the types of weights; trials
leave their contents out."""

WEIGHTS = frozenset(
    {onnx.TensorProto.FLOAT, onnx.TensorProto.INT8, onnx.TensorProto.UINT8, onnx.TensorProto.INT16}
)
"""Types of weights, float and quantized."""


@dataclass(frozen=True)
class Sides:
    """The sides of the images that a network takes.

    Attributes:
        scale: output height over input height, as of the width.
        multiple: sides that it takes are multiples of this.
        only: the one size that it takes, where there is no multiple.
    """

    scale: int
    multiple: int
    only: Size | None = None


def find_sides(model: ir.Model, wanted: Sequence[Size], rule: Rule | None = None) -> Sides | None:
    """Return the sides that a network takes; None where no pair that was tried works.

    Args:
        model: one image input (1, C, H, W) with open height and width.
        wanted: sizes to try first, those that a person named.
        rule: what is asked at a size; `scale_at` by default.
    """
    light, rule = outline(model), rule or scale_at
    for size in sizes_to_try(model, wanted):
        scale = rule(light, size)
        if scale is not None:
            multiple = _least_multiple(light, gcd(*size), scale, rule)
            return Sides(scale, multiple or 1, size if multiple is None else None)
    return None


def sizes_to_try(model: ir.Model, wanted: Sequence[Size]) -> Iterator[Size]:
    """Yield heights and widths that an open model may take, those that a person named first."""
    yield from wanted
    yield from ((side, side) for side in TRIED)
    yield from _stated_sizes(model)


def scale_at(model: ir.Model, size: Size) -> int | None:
    """Return output over input at one size; None when that size does not work out."""
    try:
        found = output_at(model, size)
    except ModelError:
        return None
    if found is None or found[0] % size[0] or found[1] % size[1]:
        return None
    rows, columns = found[0] // size[0], found[1] // size[1]
    return rows if rows == columns and rows > 0 else None


def output_at(model: ir.Model, size: Size) -> Size | None:
    """Return height and width of the output at one size; None where it is no such image.

    Raises:
        ModelError: the graph's shapes do not work out at this size.
    """
    output = bind_size(model, size).graph.outputs[0].shape
    if output is None or len(output) != 4 or output[0] != 1:
        return None
    height, width = output.numpy()[2:]
    return int(height), int(width)


def numbers_at(model: ir.Model, size: Size) -> int | None:
    """Return how many numbers the output holds at one size; None where it is no vector.

    A vector has no more than two axes, or has four and is one pixel.
    """
    try:
        shape = bind_size(model, size).graph.outputs[0].shape
    except ModelError:
        return None
    if shape is None or not shape.is_static():
        return None
    lengths = tuple(int(length) for length in shape.numpy())
    is_vector = len(lengths) in (1, 2) or (len(lengths) == 4 and lengths[2:] == (1, 1))
    batched = len(lengths) == 1 or lengths[0] == 1
    return prod(lengths) if is_vector and batched else None


def channels_at(model: ir.Model, size: Size) -> int:
    """Return the channels of an image that is returned at a size which works."""
    shape = bind_size(model, size).graph.outputs[0].shape
    assert shape is not None
    return int(shape.numpy()[1])


def outline(model: ir.Model) -> ir.Model:
    """Return a copy whose large constants have shapes and no contents: enough to infer shapes."""
    proto = ir.to_proto(model)
    for tensor in proto.graph.initializer:
        if prod(tensor.dims) > SMALL and tensor.data_type in WEIGHTS:
            tensor.ClearField("raw_data")
            tensor.ClearField("float_data")
            tensor.ClearField("int32_data")
    light: ir.Model = ir.from_proto(proto)
    return light


def _least_multiple(model: ir.Model, known: int, scale: int, rule: Rule) -> int | None:
    """Return the least divisor of a side that works whose multiples work; None where none does."""
    multiple = known
    if not _works(model, multiple, known, scale, rule):
        return None
    for factor in _prime_factors(known):
        if _works(model, multiple // factor, known, scale, rule):
            multiple //= factor
    return multiple


def _works(model: ir.Model, multiple: int, known: int, scale: int, rule: Rule) -> bool:
    """Tell whether an image works whose sides share `multiple`, and no more with a known side."""
    primes = _primes_from(-(-AMPLE // multiple), known)
    size = multiple * next(primes), multiple * next(primes)
    return rule(model, size) == scale


def _primes_from(least: int, foreign: int) -> Iterator[int]:
    """Yield odd primes that do not divide a number, in order."""
    number = max(least, 3)
    while True:
        if foreign % number and all(number % divisor for divisor in range(2, isqrt(number) + 1)):
            yield number
        number += 1


def _prime_factors(number: int) -> Iterator[int]:
    divisor = 2
    while number > 1:
        while number % divisor == 0:
            yield divisor
            number //= divisor
        divisor += 1


def _stated_sizes(model: ir.Model) -> Iterator[Size]:
    """Yield the heights and widths that constant targets of Reshapes hold, next to each other."""
    for node in model.graph:
        if node.op_type == "Reshape" and edit.is_constant(node.inputs[1]):
            target = np.asarray(edit.contents(node.inputs[1])).reshape(-1)
            for height, width in pairwise(target):
                if min(height, width) >= 8:
                    yield int(height), int(width)
