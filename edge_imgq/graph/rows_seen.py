"""Which rows of the image every element of a value depends on, operator by operator.

A value is followed along one axis of the image, height or width, as two arrays: the first and the
last row that each of its elements sees. They have the rank of the value and length 1 along every
axis on which nothing depends, so that an ordinary feature map costs as many numbers as it has rows.
Between the first and the last row all are taken to be seen; a result never sees less than it does.

Windows, shuffles, slices, reshapes to windows and their way back are followed exactly; sums over an
axis see what any of its elements sees.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edge_imgq.graph.edit import contents, is_constant

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Rows: TypeAlias = NDArray[np.int64]

NONE = 1 << 40
"""First row of what sees none; its last row is the negative."""

MOST = 1 << 22
"""Longer arrays are joined along their last axis: less exact, never wrong."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Seen:
    """What a value sees.

    Attributes:
        shape: of the value.
        first: first row that each element sees; every axis has the value's length or 1.
        last: last row, as `first`.
    """

    shape: Shape
    first: Rows
    last: Rows

    @property
    def nothing(self) -> bool:
        """Whether no element depends on the image."""
        return bool((self.first > self.last).all())

    def each(self, change: Callable[[Rows], Rows], shape: Shape) -> Seen:
        """Return the value after a move of elements that both arrays undergo."""
        return Seen(shape, change(self.first), change(self.last))


class NotKnownError(Exception):
    """What an operator looks at does not follow from its graph."""


def constant(shape: Shape) -> Seen:
    """Return what a value sees that does not depend on the image."""
    ones = (1,) * len(shape)
    return Seen(shape, np.full(ones, NONE), np.full(ones, -NONE))


def image(shape: Shape, axis: int) -> Seen:
    """Return what the image itself sees along an axis."""
    rows = np.arange(shape[axis]).reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return Seen(shape, rows, rows)


def follow(node: ir.Node, sources: Sequence[Seen]) -> list[Seen]:
    """Return what the outputs of a node see.

    Args:
        node: of a graph whose shapes are numbers.
        sources: of its inputs; what is left out sees nothing.

    Raises:
        NotKnownError: the operator is none of `KNOWN`, or takes positions from the image.
    """
    rule = KNOWN.get(node.op_type)
    if rule is None:
        raise NotKnownError
    shapes = [shape_of(value) for value in node.outputs]
    found = rule(node, list(sources), shapes[0])
    if isinstance(found, Seen):
        found = [found] * len(shapes)
    return [_within(seen, shape) for seen, shape in zip(found, shapes, strict=True)]


def shape_of(value: ir.Value | None) -> Shape:
    """Return the shape of a value of a bound graph."""
    if value is None or value.shape is None or not value.shape.is_static():
        return ()
    return tuple(int(length) for length in value.shape.numpy())


def _within(seen: Seen, shape: Shape) -> Seen:
    """Return a result with its own shape, joined where its arrays would be long."""
    while seen.first.size > MOST:
        axis = int(np.argmax(seen.first.shape[::-1]))
        seen = _joined(seen, [seen.first.ndim - 1 - axis])
    return Seen(shape, seen.first, seen.last)


def _joined(seen: Seen, axes: Sequence[int]) -> Seen:
    """Return a value each of whose elements sees what any along some axes sees."""
    places = tuple(axis % max(len(seen.shape), 1) for axis in axes)
    if not places or not seen.shape:
        return seen
    return Seen(
        seen.shape,
        seen.first.min(axis=places, keepdims=True),
        seen.last.max(axis=places, keepdims=True),
    )


def _union(sources: Sequence[Seen], shape: Shape) -> Seen:
    """Return what elements see that are computed from one of each source, broadcast."""
    first, last = sources[0].first, sources[0].last
    for other in sources[1:]:
        first, last = np.minimum(first, other.first), np.maximum(last, other.last)
    missing = len(shape) - first.ndim
    pad = (1,) * max(missing, 0)
    return Seen(shape, first.reshape(pad + first.shape), last.reshape(pad + last.shape))


def _pointwise(_node: ir.Node, sources: list[Seen], shape: Shape) -> Seen:
    return _union(sources, shape)


def _of_first(_node: ir.Node, sources: list[Seen], shape: Shape) -> Seen:
    """What follows the first operand alone: the others are vectors of constants."""
    if any(not source.nothing for source in sources[1:]):
        raise NotKnownError
    return Seen(shape, sources[0].first, sources[0].last)


def _along(axes: Callable[[ir.Node, int], Sequence[int]]) -> Callable[..., Seen]:
    """Return the rule of an operator that computes every element from all along some axes."""

    def rule(node: ir.Node, sources: list[Seen], _shape: Shape) -> Seen:
        if any(not source.nothing for source in sources[1:]):
            raise NotKnownError
        return _joined(sources[0], axes(node, len(sources[0].shape)))

    return rule


def _axis(default: int) -> Callable[[ir.Node, int], Sequence[int]]:
    return lambda node, _rank: [node.attributes.get_int("axis", default)]


def _from_axis(node: ir.Node, rank: int) -> Sequence[int]:
    return range(node.attributes.get_int("axis", -1) % rank, rank)


def _sides(_node: ir.Node, rank: int) -> Sequence[int]:
    return range(1, rank)


def _stated_axis(node: ir.Node, _rank: int) -> Sequence[int]:
    """Axes in the second input, as a cumulative sum has them."""
    return [int(axis) for axis in np.reshape(_numbers(node, 1), -1)]


def _reduced(node: ir.Node, sources: list[Seen], shape: Shape) -> Seen:
    """A sum, mean, extreme or its place over some axes, which may be left out of the result."""
    source, rank = sources[0], len(sources[0].shape)
    axes = _reduced_axes(node, rank)
    joined = _joined(source, axes)
    if node.attributes.get_int("keepdims", 1):
        return Seen(shape, joined.first, joined.last)
    gone = tuple(axis % rank for axis in axes)
    return joined.each(lambda rows: np.squeeze(rows, axis=gone), shape)


def _reduced_axes(node: ir.Node, rank: int) -> list[int]:
    if node.op_type in ("ArgMax", "ArgMin"):
        return [node.attributes.get_int("axis", 0)]
    stated = list(node.attributes.get_ints("axes", []))
    if len(node.inputs) > 1 and node.inputs[1] is not None:
        stated = [int(axis) for axis in np.reshape(_numbers(node, 1), -1)]
    if stated:
        return stated
    return [] if node.attributes.get_int("noop_with_empty_axes", 0) else list(range(rank))


def _numbers(node: ir.Node, index: int) -> NDArray[np.int64]:
    """Return a constant input that states places or lengths."""
    value = node.inputs[index] if index < len(node.inputs) else None
    if not is_constant(value):
        raise NotKnownError
    return np.asarray(contents(value))


def _transpose(node: ir.Node, sources: list[Seen], shape: Shape) -> Seen:
    order = node.attributes.get_ints("perm", range(len(shape))[::-1])
    return sources[0].each(lambda rows: rows.transpose(order), shape)


def _reshape(_node: ir.Node, sources: list[Seen], shape: Shape) -> Seen:
    """The same elements in the same order: axes that stay, split or flow together, in groups."""
    source = sources[0]
    before, after = source.shape, shape
    compact: list[int] = []
    spread: list[int] = []
    for old, new in _groups(before, after):
        if all(source.first.shape[axis] == 1 for axis in old):
            compact += [1 for _ in old]
            spread += [1 for _ in new]
        else:
            compact += [before[axis] for axis in old]
            spread += [after[axis] for axis in new]
    if math.prod(compact) > MOST:
        return _reshape(_node, [_joined(source, [int(np.argmax(compact))])], shape)
    return _compact(source.each(lambda rows: np.broadcast_to(rows, compact).reshape(spread), shape))


def _compact(seen: Seen) -> Seen:
    """Return a value without the axes on which nothing depends."""
    first, last = seen.first, seen.last
    for axis, side in enumerate(first.shape):
        one, other = first.take([0], axis), last.take([0], axis)
        if side > 1 and (first == one).all() and (last == other).all():
            first, last = one, other
    return Seen(seen.shape, first, last)


def _groups(before: Shape, after: Shape) -> Iterator[tuple[list[int], list[int]]]:
    """Yield runs of old and of new axes, in order, that hold as many elements."""
    i = j = 0
    while i < len(before) or j < len(after):
        old: list[int] = []
        new: list[int] = []
        many = much = 1
        while not (old or new) or many != much:
            if (many <= much and i < len(before)) or j >= len(after):
                old.append(i)
                many, i = many * before[i], i + 1
            else:
                new.append(j)
                much, j = much * after[j], j + 1
        yield old, new


def _slice(node: ir.Node, sources: list[Seen], shape: Shape) -> Seen:
    starts, ends = (np.reshape(_numbers(node, index), -1) for index in (1, 2))
    given = len(node.inputs) > 3 and node.inputs[3] is not None
    axes = np.reshape(_numbers(node, 3), -1) if given else np.arange(len(starts))
    stepped = len(node.inputs) > 4 and node.inputs[4] is not None
    steps = np.reshape(_numbers(node, 4), -1) if stepped else np.ones(len(starts), np.int64)
    cuts = [slice(None)] * len(shape)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        length = sources[0].shape[axis]
        if sources[0].first.shape[axis] > 1:
            stop = None if step < 0 and end < -length else int(end)
            cuts[int(axis) % len(shape)] = slice(int(start), stop, int(step))
    return sources[0].each(lambda rows: rows[tuple(cuts)], shape)


def _split(node: ir.Node, sources: list[Seen], _shape: Shape) -> list[Seen]:
    source = sources[0]
    axis = node.attributes.get_int("axis", 0) % len(source.shape)
    parts, start = [], 0
    for value in node.outputs:
        shape = shape_of(value)
        places = range(start, start + shape[axis])
        start += shape[axis]
        if source.first.shape[axis] == 1:
            parts.append(Seen(shape, source.first, source.last))
        else:
            parts.append(source.each(lambda rows, p=places: rows.take(p, axis), shape))  # type: ignore[misc]
    return parts


def _concat(node: ir.Node, sources: list[Seen], shape: Shape) -> Seen:
    axis = node.attributes.get_int("axis", 0) % len(shape)
    if all(source.first.shape[axis] == 1 for source in sources):
        return _union(sources, shape)
    parts = []
    for source in sources:
        whole = [max(other.first.shape[place] for other in sources) for place in range(len(shape))]
        whole[axis] = source.shape[axis]
        parts.append(source.each(lambda rows, w=whole: np.broadcast_to(rows, w), source.shape))  # type: ignore[misc]
    return Seen(
        shape,
        np.concatenate([part.first for part in parts], axis),
        np.concatenate([part.last for part in parts], axis),
    )


def _gather(node: ir.Node, sources: list[Seen], shape: Shape) -> Seen:
    source, axis = sources[0], node.attributes.get_int("axis", 0) % len(sources[0].shape)
    if source.nothing:  # a table, looked up by what is computed of the image
        there = len(shape) - axis - len(sources[1].shape)
        return sources[1].each(lambda r: r.reshape((1,) * axis + r.shape + (1,) * there), shape)
    places = _numbers(node, 1)
    if source.first.shape[axis] == 1:
        places = np.zeros((1,) * places.ndim, np.int64)
    return source.each(lambda rows: rows.take(places, axis), shape)


def _expand(_node: ir.Node, sources: list[Seen], shape: Shape) -> Seen:
    return _union(sources[:1], shape)


def _tile(node: ir.Node, sources: list[Seen], shape: Shape) -> Seen:
    times = np.reshape(_numbers(node, 1), -1)
    counts = [
        int(count) if sources[0].first.shape[axis] > 1 else 1 for axis, count in enumerate(times)
    ]
    return sources[0].each(lambda rows: np.tile(rows, counts), shape)


def _depth_to_space(node: ir.Node, sources: list[Seen], shape: Shape) -> Seen:
    seen, block = _joined(sources[0], [1]), node.attributes.get_int("blocksize", 1)
    for axis in (2, 3):
        if seen.first.shape[axis] > 1:
            seen = seen.each(lambda rows, a=axis: rows.repeat(block, a), shape)  # type: ignore[misc]
    return Seen(shape, seen.first, seen.last)


def _space_to_depth(node: ir.Node, sources: list[Seen], shape: Shape) -> Seen:
    block = node.attributes.get_int("blocksize", 1)
    return _windows(_joined(sources[0], [1]), shape, [(block, block, 1, 0)] * 2)


def _convolution(node: ir.Node, sources: list[Seen], shape: Shape) -> Seen:
    if any(not source.nothing for source in sources[1:]):
        raise NotKnownError
    return _windows(_joined(sources[0], [1]), shape, _taps(node, sources, shape))


def _pool(node: ir.Node, sources: list[Seen], shape: Shape) -> Seen:
    return _windows(sources[0], shape, _taps(node, sources, shape))


def _taps(node: ir.Node, sources: list[Seen], shape: Shape) -> list[tuple[int, int, int, int]]:
    """Return taps, stride, dilation and padding before, for each axis of pixels."""
    before = sources[0].shape[2:]
    kernel = _kernel(node)
    strides = node.attributes.get_ints("strides", [1] * len(kernel))
    dilations = node.attributes.get_ints("dilations", [1] * len(kernel))
    pads = list(node.attributes.get_ints("pads", [0] * 2 * len(kernel)))
    automatic = node.attributes.get_string("auto_pad", "NOTSET")
    if automatic.startswith("SAME"):
        for i, side in enumerate(before):
            span = (kernel[i] - 1) * dilations[i] + 1
            both = max((shape[2 + i] - 1) * strides[i] + span - side, 0)
            pads[i] = both // 2 if automatic == "SAME_UPPER" else both - both // 2
    return [(kernel[i], strides[i], dilations[i], pads[i]) for i in range(len(kernel))]


def _kernel(node: ir.Node) -> list[int]:
    stated = node.attributes.get_ints("kernel_shape")
    return list(stated) if stated is not None else list(shape_of(node.inputs[1])[2:])


def _windows(seen: Seen, shape: Shape, taps: Sequence[tuple[int, int, int, int]]) -> Seen:
    for axis, (count, stride, dilation, pad) in enumerate(taps, start=2):
        if seen.first.shape[axis] > 1:
            places = np.arange(shape[axis]) * stride - pad
            seen = _at(seen, axis, [places + tap * dilation for tap in range(count)])
    return Seen(shape, seen.first, seen.last)


def _at(seen: Seen, axis: int, places: Sequence[NDArray[np.int64]]) -> Seen:
    """Return what sees, along an axis, all of some places; places outside see nothing."""
    length = seen.first.shape[axis]
    blank = [(0, int(a == axis)) for a in range(seen.first.ndim)]
    first = np.pad(seen.first, blank, constant_values=NONE)
    last = np.pad(seen.last, blank, constant_values=-NONE)
    found = [np.where((at < 0) | (at >= length), length, at) for at in places]
    least, most = first.take(found[0], axis), last.take(found[0], axis)
    for at in found[1:]:
        least = np.minimum(least, first.take(at, axis))
        most = np.maximum(most, last.take(at, axis))
    return Seen(seen.shape, least, most)


def _deconvolution(node: ir.Node, sources: list[Seen], shape: Shape) -> Seen:
    if any(not source.nothing for source in sources[1:]):
        raise NotKnownError
    seen, kernel = _joined(sources[0], [1]), _kernel(node)
    strides = node.attributes.get_ints("strides", [1] * len(kernel))
    dilations = node.attributes.get_ints("dilations", [1] * len(kernel))
    for i, taps in enumerate(kernel):
        axis, side = 2 + i, sources[0].shape[2 + i]
        if seen.first.shape[axis] == 1:
            continue
        pad = _pad_before(node, i, (side - 1) * strides[i] + (taps - 1) * dilations[i] + 1, shape)
        rest = [np.arange(shape[axis]) + pad - tap * dilations[i] for tap in range(taps)]
        seen = _at(seen, axis, [np.where(r % strides[i], -1, r // strides[i]) for r in rest])
    return Seen(shape, seen.first, seen.last)


def _pad_before(node: ir.Node, place: int, full: int, shape: Shape) -> int:
    """Return how many rows a transposed convolution leaves out before its first."""
    automatic = node.attributes.get_string("auto_pad", "NOTSET")
    pads = node.attributes.get_ints("pads")
    if pads is not None and automatic == "NOTSET" and "output_shape" not in node.attributes:
        return int(pads[place])
    extra = node.attributes.get_ints("output_padding", [0] * (place + 1))[place]
    both = max(full + extra - shape[2 + place], 0)
    return both // 2 if automatic == "SAME_UPPER" else both - both // 2


def _pad(node: ir.Node, sources: list[Seen], shape: Shape) -> Seen:
    seen, rank = sources[0], len(shape)
    pads = np.reshape(_numbers(node, 1), -1)
    given = len(node.inputs) > 3 and node.inputs[3] is not None
    axes = [int(a) % rank for a in np.reshape(_numbers(node, 3), -1)] if given else range(rank)
    mode = node.attributes.get_string("mode", "constant")
    for place, axis in enumerate(axes):
        if seen.first.shape[axis] > 1:
            at = np.arange(shape[axis]) - int(pads[place])
            seen = _at(seen, axis, [_padded(at, sources[0].shape[axis], mode)])
    return Seen(shape, seen.first, seen.last)


def _padded(at: NDArray[np.int64], length: int, mode: str) -> NDArray[np.int64]:
    """Return which row stands at a place that may lie outside."""
    if mode == "edge":
        return at.clip(0, length - 1)
    if mode == "wrap":
        return at % length
    if mode == "reflect":
        period = max(2 * (length - 1), 1)
        turned = at % period
        return np.minimum(turned, period - turned)
    return at


def _resize(node: ir.Node, sources: list[Seen], shape: Shape) -> Seen:
    """Pixels between neighbours; how far these lie follows from the mode, and is never less."""
    if any(not source.nothing for source in sources[1:]):
        raise NotKnownError
    mode = node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
    if mode == "tf_crop_and_resize":
        raise NotKnownError
    seen = sources[0]
    around = {"nearest": 1, "linear": 1, "cubic": 2}[node.attributes.get_string("mode", "nearest")]
    for axis, (before, after) in enumerate(zip(sources[0].shape, shape, strict=True)):
        if seen.first.shape[axis] == 1 or before == after:
            continue
        wide = node.attributes.get_int("antialias", 0) and before > after
        reach = around * (before / after if wide else 1)
        at = _sampled(mode, before, after, scale_of(node, axis, len(shape)) or after / before)
        lows, highs = np.floor(at - reach) + 1, np.ceil(at + reach) - 1
        exact = node.attributes.get_string("mode", "nearest") == "nearest"
        lows = np.floor(at) if exact else np.minimum(lows, np.floor(at))
        highs = np.ceil(at) if exact else np.maximum(highs, np.ceil(at))
        count = int((highs - lows).max()) + 1
        taps = [np.minimum(lows + tap, highs).clip(0, before - 1) for tap in range(count)]
        seen = _at(seen, axis, [tap.astype(np.int64) for tap in taps])
    return Seen(shape, seen.first, seen.last)


def scale_of(node: ir.Node, axis: int, rank: int) -> float | None:
    """Return the factor that a Resize states for an axis; None where it states sizes."""
    scales = node.inputs[2] if len(node.inputs) > 2 else None
    if not is_constant(scales) or contents(scales).size != rank:
        return None
    return float(contents(scales)[axis])


def _sampled(mode: str, before: int, after: int, scale: float) -> NDArray[np.float64]:
    """Return where a Resize samples its input, for every place of its output."""
    places = np.arange(after, dtype=np.float64)
    if mode == "align_corners":
        return places * (before - 1) / max(after - 1, 1)
    if mode == "asymmetric":
        return places / scale
    return (places + 0.5) / scale - 0.5


def _product(_node: ir.Node, sources: list[Seen], shape: Shape) -> Seen:
    left, right = sources
    rows = _joined(left, [-1]) if len(left.shape) > 1 else _joined(left, [0])
    columns = _joined(right, [-2 if len(right.shape) > 1 else 0])
    one = rows.each(lambda r: r[..., 0] if len(right.shape) == 1 else r, rows.shape)
    other = columns.each(lambda r: r[0] if len(right.shape) == 1 else r, columns.shape)
    if len(left.shape) == 1:
        other = other.each(lambda r: r[..., 0, :] if r.ndim > 1 else r, other.shape)
    size = math.prod(np.broadcast_shapes(one.first.shape, other.first.shape))
    if size > MOST:
        other = _joined(other, [-1])
    return _union([one, other], shape)


def _gemm(node: ir.Node, sources: list[Seen], shape: Shape) -> Seen:
    left, right, *bias = sources
    if node.attributes.get_int("transA", 0):
        left = left.each(np.transpose, left.shape[::-1])
    if node.attributes.get_int("transB", 0):
        right = right.each(np.transpose, right.shape[::-1])
    return _union([_joined(left, [1]), _joined(right, [0]), *bias], shape)


def _einsum(node: ir.Node, sources: list[Seen], shape: Shape) -> Seen:
    equation = (node.attributes.get_string("equation") or "").replace(" ", "")
    if "..." in equation or "->" not in equation:
        raise NotKnownError
    terms, result = equation.split("->")
    named = list(zip(terms.split(","), sources, strict=True))
    if any(len(set(term)) != len(term) for term in (*terms.split(","), result)):
        raise NotKnownError
    return _union([_term(source, term, result, shape) for term, source in named], shape)


def _term(source: Seen, term: str, result: str, shape: Shape) -> Seen:
    """Return an operand of an Einsum summed over what the result lacks, its axes as there."""
    summed = tuple(axis for axis, letter in enumerate(term) if letter not in result)
    kept = [letter for letter in term if letter in result]
    order = sorted(range(len(kept)), key=lambda place: result.index(kept[place]))
    gaps = tuple(place for place, letter in enumerate(result) if letter not in kept)

    def laid_out(rows: Rows) -> Rows:
        return np.expand_dims(np.squeeze(rows, axis=summed).transpose(order), gaps)

    return _joined(source, summed).each(laid_out, shape)


POINTWISE = frozenset(
    {
        "Abs", "Acos", "Acosh", "Add", "And", "Asin", "Asinh", "Atan", "Atanh", "Cast", "CastLike",
        "Ceil", "Celu", "Clip", "Cos", "Cosh", "Div", "Dropout", "Elu", "Equal", "Erf", "Exp",
        "Floor", "Gelu", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish", "Identity",
        "IsInf", "IsNaN", "LeakyRelu", "Less", "LessOrEqual", "Log", "Max", "Mean", "Min", "Mish",
        "Mod", "Mul", "Neg", "Not", "Or", "PRelu", "Pow", "Reciprocal", "Relu", "Round", "Selu",
        "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt", "Sub", "Sum",
        "Swish", "Tan", "Tanh", "ThresholdedRelu", "Where", "Xor",
    }
)  # fmt: skip
"""Operators that compute every element from those at its own place."""

MOVING = frozenset(
    {
        "Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "Identity", "Pad", "Reshape",
        "Slice", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze",
    }
)  # fmt: skip
"""Operators that move elements and join none."""

REDUCING = frozenset(
    {
        "ArgMax", "ArgMin", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax",
        "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare",
    }
)  # fmt: skip

KNOWN: dict[str, Callable[[ir.Node, list[Seen], Shape], Seen | list[Seen]]] = {
    **dict.fromkeys(POINTWISE, _pointwise),
    **dict.fromkeys(("BatchNormalization", "DequantizeLinear", "QuantizeLinear"), _of_first),
    **dict.fromkeys(REDUCING, _reduced),
    **dict.fromkeys(("Flatten", "Reshape", "Squeeze", "Unsqueeze"), _reshape),
    **dict.fromkeys(("Hardmax", "LogSoftmax", "LpNormalization", "Softmax"), _along(_axis(-1))),
    **dict.fromkeys(("LayerNormalization", "RMSNormalization"), _along(_from_axis)),
    **dict.fromkeys(("GroupNormalization", "InstanceNormalization"), _along(_sides)),
    **dict.fromkeys(("GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool"), _along(
        lambda _node, rank: range(2, rank))),
    **dict.fromkeys(("AveragePool", "LpPool", "MaxPool"), _pool),
    "Concat": _concat,
    "Conv": _convolution,
    "ConvTranspose": _deconvolution,
    "CumSum": _along(_stated_axis),
    "DepthToSpace": _depth_to_space,
    "Einsum": _einsum,
    "Expand": _expand,
    "Gather": _gather,
    "Gemm": _gemm,
    "LRN": _along(lambda _node, _rank: [1]),
    "MatMul": _product,
    "Pad": _pad,
    "Resize": _resize,
    "Slice": _slice,
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Tile": _tile,
    "Transpose": _transpose,
}  # fmt: skip
"""Every operator whose results are followed. Of others it is not known what they look at."""
