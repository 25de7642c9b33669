"""Search for the heights and widths that a network accepts, by shape inference at trial sizes.

No operator states what its graph requires of an image. Windows of 12 pixels, a skip over three
downsamplings and a Reshape that holds 64x64 all show as shapes that contradict each other, or as an
output that is not an integer multiple of the input. The first trial size that works is divided by
its prime factors as long as sizes that share only the quotient with it still work. Such a size is
the quotient times a prime that does not divide the first size.
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
from edge_imgq.scale import Scale, scale_of

Size = tuple[int, int]

Rule = Callable[[ir.Model, Size], Scale | None]
"""Returns a number that is the same at every size that a network accepts, and None at others."""

TRIED_SIDES = (448, 384, 480, 840, 640, 1152, 1344, 704, 832, 1088, 1216, 1472)
"""Default trial sides: their divisors include every multiple up to 24, and 28, 30, 32, 35, 36, 40,
42, 48, 56, 60, 64, 72, 96, 120, 128 and 192.
"""

AMPLE = 250
"""Smallest side of trial images, in pixels, so that no window, padding or downsampling runs out."""

SMALL = 1024
"""Largest number of elements of a constant that may hold a shape.

Trials drop the contents of larger constants of weight types.
"""

WEIGHTS = frozenset(
    {onnx.TensorProto.FLOAT, onnx.TensorProto.INT8, onnx.TensorProto.UINT8, onnx.TensorProto.INT16}
)
"""Element types of float and quantized weights."""


MAX_TERM = 16
"""Largest value of the smaller term of a scale, so that 597 pixels of 448 are not taken for one."""


@dataclass(frozen=True)
class Sides:
    """The heights and widths of an image that a network accepts.

    Attributes:
        scale: output height over input height, equal for the width; for a vector output the number
            of its elements.
        multiple: accepted heights and widths are multiples of this many pixels.
        only: the only accepted height and width, if no other size works; else None.
    """

    scale: Scale
    multiple: int
    only: Size | None = None


def find_sides(
    model: ir.Model, preferred: Sequence[Size], rule: Rule | None = None
) -> Sides | None:
    """Return the heights and widths that a network accepts, or None if no trial size works.

    Shapes are inferred at `sizes_to_try`; nothing is run. The multiple is found by trying sizes
    that have fewer prime factors in common with the first that works.

    Args:
        model: model of one image input (1, C, H, W) with open height and width.
        preferred: sizes to try first, as named by the user.
        rule: function of the model and a size that returns the scale there, or None if the size
            does not fit; None for `scale_at`.
    """
    light, rule = outline(model), rule or scale_at
    for size in sizes_to_try(model, preferred):
        scale = rule(light, size)
        if scale is not None:
            multiple = _least_multiple(light, gcd(*size), scale, rule)
            return Sides(scale, multiple or 1, size if multiple is None else None)
    return None


def sizes_to_try(model: ir.Model, preferred: Sequence[Size]) -> Iterator[Size]:
    """Yield heights and widths, in pixels, at which to try a model; those of `preferred` first.

    Then come squares of 448, 384 and the other TRIED_SIDES, and adjacent lengths of at least 8 in
    the constant targets of the model's Reshape nodes. A size may come twice.
    """
    yield from preferred
    yield from ((side, side) for side in TRIED_SIDES)
    yield from _stated_sizes(model)


def scale_at(model: ir.Model, size: Size) -> Scale | None:
    """Return the scale of the first output to the image at one input size, if it is an integer.

    The scale is output height over input height, and must be that of the widths. None if it is a
    fraction, the output is no image (1, C, H, W), or shape inference fails.

    Args:
        model: model whose first input is the image, (N, C, H, W).
        size: height and width of the image in pixels.
    """
    ratio = ratio_at(model, size)
    return ratio if isinstance(ratio, int) else None


def ratio_at(model: ir.Model, size: Size) -> Scale | None:
    """Return the scale of the first output to the image at one input size, integer or fraction.

    The scale is output height over input height, and must be that of the widths. None if the output
    is no image (1, C, H, W), if shape inference fails, or if numerator and denominator both exceed
    16 (MAX_TERM): such a fraction comes from rounding at this size.

    Args:
        model: model whose first input is the image, (N, C, H, W).
        size: height and width of the image in pixels.
    """
    try:
        output = output_at(model, size)
    except ModelError:
        return None
    if output is None or 0 in output:
        return None
    rows, columns = scale_of(output[0], size[0]), scale_of(output[1], size[1])
    small = min(rows.numerator, rows.denominator) <= MAX_TERM
    return rows if rows == columns and small else None


def output_at(model: ir.Model, size: Size) -> Size | None:
    """Return height and width of the first output for an image of one height and width.

    None if it is not one image (1, C, H, W).

    Args:
        model: model whose first input is the image, (N, C, H, W).
        size: height and width of the image in pixels.

    Raises:
        ModelError: shape inference fails at this size.
    """
    output = bind_size(model, size).graph.outputs[0].shape
    if output is None or len(output) != 4 or output[0] != 1:
        return None
    height, width = output.numpy()[2:]
    return int(height), int(width)


def numbers_at(model: ir.Model, size: Size) -> int | None:
    """Return the number of elements of a vector output for an image of one height and width.

    A vector is (N,), (1, N) or (1, N, 1, 1). None if the first output is none, or if shape
    inference fails.

    Args:
        model: model whose first input is the image, (N, C, H, W).
        size: height and width of the image in pixels.
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
    """Return the channels of the first output, (N, C, H, W), for an image of one height and width.

    Raises:
        ModelError: shape inference fails at this size.
    """
    shape = bind_size(model, size).graph.outputs[0].shape
    assert shape is not None
    return int(shape.numpy()[1])


def outline(model: ir.Model) -> ir.Model:
    """Return a copy whose large weights have dtype and shape but no contents.

    It is for shape inference, which then takes less memory and time; it cannot be run. Emptied are
    float32, int8, uint8 and int16 constants of more than 1024 (SMALL) elements.
    """
    proto = ir.to_proto(model)
    for tensor in proto.graph.initializer:
        if prod(tensor.dims) > SMALL and tensor.data_type in WEIGHTS:
            tensor.ClearField("raw_data")
            tensor.ClearField("float_data")
            tensor.ClearField("int32_data")
    light: ir.Model = ir.from_proto(proto)
    return light


def _least_multiple(model: ir.Model, known: int, scale: Scale, rule: Rule) -> int | None:
    """Return the smallest divisor of a side whose multiples work, or None."""
    multiple = known
    if not _works(model, multiple, known, scale, rule):
        return None
    for factor in _prime_factors(known):
        if _works(model, multiple // factor, known, scale, rule):
            multiple //= factor
    return multiple


def _works(model: ir.Model, multiple: int, known: int, scale: Scale, rule: Rule) -> bool:
    """Return True if a size works that shares only `multiple` with a known side."""
    primes = _primes_from(-(-AMPLE // multiple), known)
    size = multiple * next(primes), multiple * next(primes)
    return rule(model, size) == scale


def _primes_from(lowest: int, foreign: int) -> Iterator[int]:
    """Yield odd primes, in ascending sequence, that do not divide `foreign`."""
    number = max(lowest, 3)
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
    """Yield adjacent lengths in constant Reshape targets, as candidate sizes."""
    for node in model.graph:
        if node.op_type == "Reshape" and edit.is_constant(node.inputs[1]):
            target = np.asarray(edit.contents(node.inputs[1])).reshape(-1)
            for height, width in pairwise(target):
                if min(height, width) >= 8:
                    yield int(height), int(width)
