"""Lowering of operators that move elements without arithmetic to ncnn. All are exact."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from edge_imgq.export.ncnn.builder import MAX_AXES, Blob, LoweringContext, RefusedError, stored
from edge_imgq.export.ncnn.layers import Number, Shape

CONSTANT, REPLICATE, REFLECT = 0, 1, 2
MODES = {"constant": CONSTANT, "edge": REPLICATE, "reflect": REFLECT}

PAD_KEYS = {"w": (2, 3), "h": (0, 1), "c": (7, 8)}
"""Parameter keys of Padding by axis: (before, after)."""

ORDERS: dict[int, tuple[str, ...]] = {
    1: ("W",),
    2: ("WH", "HW"),
    3: ("WHC", "HWC", "WCH", "CWH", "HCW", "CHW"),
    4: (
        *("WHDC", "HWDC", "WDHC", "DWHC", "HDWC", "DHWC", "WHCD", "HWCD", "WCHD", "CWHD"),
        *("HCWD", "CHWD", "WDCH", "DWCH", "WCDH", "CWDH", "DCWH", "CDWH", "HDCW", "DHCW"),
        *("HCDW", "CHDW", "DCHW", "CDHW"),
    ),
}
"""Permute orders by rank: the axes that become w, h, …; the list index is ncnn's code."""

LETTERS = {1: "W", 2: "HW", 3: "CHW", 4: "CDHW"}
"""Axis letters of a blob, in the order of its shape."""

CRD, DCR = 0, 1
"""Channel order of a pixel shuffle: block positions innermost (CRD) or outermost (DCR)."""


def identity(context: LoweringContext) -> Blob:
    """Lower Identity, Dropout and Requantize to no layer: return the input's blob. Exact.

    Raises:
        RefusedError: a tensor has more than ncnn's four axes.
    """
    return context.read(0)


def reshape(context: LoweringContext) -> Blob:
    """Lower Reshape, Flatten, Squeeze and Unsqueeze to Reshape; elements stay in ONNX's order.

    Exact. A shape of more than ncnn's four axes adds no layer: the Reshape or Transpose that
    follows reads the elements in sequence.
    """
    operation = context.operation
    numbers = context.builder.read_numbers(operation.operand(0))
    return context.builder.representable(numbers, operation.output)


def concat(context: LoweringContext) -> Blob:
    """Lower Concat along one axis, by default the second, to Concat. Exact.

    Raises:
        RefusedError: it is the batch axis, or a tensor has more than ncnn's four axes.
    """
    axis = context.axis(context.attribute("axis", 1))
    operands = [context.read(index) for index in range(len(context.operation.inputs))]
    return context.emit("Concat", *operands, parameters={0: axis})


def split(context: LoweringContext) -> tuple[Blob, ...]:
    """Lower Split along one axis, by default the first, to Slice, with the outputs' sizes. Exact.

    Returns:
        A tuple of blobs, one per output; the input's blob for one output.

    Raises:
        RefusedError: it is the batch axis, and the tensor has at most ncnn's four axes beside it.
    """
    operation = context.operation
    shape, axis = operation.operand(0).shape, context.attribute("axis", 0)
    axis %= len(shape)
    sizes = tuple(tensor.shape[axis] for tensor in operation.outputs)
    x = context.builder.read_numbers(operation.operand(0))
    if len(sizes) == 1:
        return (x,)
    wide: Shape = (math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :]))
    position = 1
    if not _has_too_many_axes(shape):
        position, wide = context.axis(axis), stored(shape)
    shapes = [tuple(size if i == position else n for i, n in enumerate(wide)) for size in sizes]
    x = context.builder.reshaped(x, wide)
    return context.builder.emit_all("Slice", (x,), shapes, {0: sizes, 1: position})


def slice_(context: LoweringContext) -> Blob:
    """Lower Slice with constant bounds to Crop, with steps along h and w to a 1×1 Pooling. Exact.

    Bounds at the end of an axis are stated from the end, so the slice follows a resized input.

    Raises:
        RefusedError: bounds are computed, a step is negative or along the channels, or the batch
            axis is cut.
    """
    shape = context.operation.operand(0).shape
    cuts = dict(_cuts(context))
    if len(cuts) == 1 and _has_too_many_axes(shape):
        ((axis, cut),) = cuts.items()
        wide = (math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :]))
        x = context.builder.reshaped(
            context.builder.read_numbers(context.operation.operand(0)), wide
        )
        return context.builder.representable(_cut(context, x, {1: cut}), context.operation.output)
    return _cut(context, context.read(0), {context.axis(axis): cut for axis, cut in cuts.items()})


def _has_too_many_axes(shape: Sequence[int]) -> bool:
    try:
        return not stored(shape)
    except RefusedError:
        return True


def _cuts(context: LoweringContext) -> Iterator[tuple[int, range]]:
    """Yield (axis, range) for each axis that is not taken whole."""
    shape = context.operation.operand(0).shape
    starts, ends = (np.ravel(context.constant(index)) for index in (1, 2))
    axes = np.ravel(context.constant(3, np.arange(len(starts))))
    steps = np.ravel(context.constant(4, np.ones(len(starts))))
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if step < 0:
            raise RefusedError("it walks backwards, which ncnn's Crop does not; flip otherwise")
        position = int(axis) % len(shape)
        taken = range(shape[position])[int(start) : int(end) : int(step)]
        if len(taken) != shape[position]:
            yield position, taken


def _cut(context: LoweringContext, x: Blob, cuts: Mapping[int, range]) -> Blob:
    """Crop and subsample a blob by ranges per axis."""
    first = [cuts[axis].start if axis in cuts else 0 for axis in range(len(x.shape))]
    last = [cuts[axis][-1] + 1 if axis in cuts else side for axis, side in enumerate(x.shape)]
    stride = [cuts[axis].step if axis in cuts else 1 for axis in range(len(x.shape))]
    return _stepped(context, _cropped(context, x, first, last), stride)


def _cropped(context: LoweringContext, x: Blob, first: Sequence[int], last: Sequence[int]) -> Blob:
    cut = [i for i, side in enumerate(x.shape) if (first[i], last[i]) != (0, side)]
    if not cut:
        return x
    shape = tuple(end - begin for begin, end in zip(first, last, strict=True))
    bounds = {
        9: tuple(first[axis] for axis in cut),
        # From the end, so that it stays right for other sizes; -233 is the end itself.
        10: tuple(last[i] - x.shape[i] if last[i] < x.shape[i] else -233 for i in cut),
        11: tuple(cut),
    }
    return context.builder.emit("Crop", (x,), shape, bounds)


def _stepped(context: LoweringContext, x: Blob, stride: Sequence[int]) -> Blob:
    if set(stride) == {1}:
        return x
    if len(x.shape) != 3 or stride[0] != 1:
        raise RefusedError("it takes every second channel, which ncnn's Crop does not")
    shape = tuple(-(-side // step) for side, step in zip(x.shape, stride, strict=True))
    _, down, right = stride
    parameters = {0: 0, 1: 1, 11: 1, 2: right, 12: down, 5: 1}
    return context.builder.emit("Pooling", (x,), shape, parameters)


def depth_to_space(context: LoweringContext) -> Blob:
    """Lower DepthToSpace of (1, b² · C, H, W) to PixelShuffle; the result is (1, C, b · H, b · W).

    Input channels are ordered (block row, block column, C) in mode DCR, the default, and (C, block
    row, block column) in mode CRD. Exact.
    """
    mode = CRD if context.attribute("mode", "DCR") == "CRD" else DCR
    block = int(context.attribute("blocksize", 1))
    return context.emit("PixelShuffle", context.read(0), parameters={0: block, 1: mode})


def space_to_depth(context: LoweringContext) -> Blob:
    """Lower SpaceToDepth of (1, C, b · H, b · W) to Reorg; the result is (1, b² · C, H, W).

    Its channels are ordered (block row, block column, C). Exact.
    """
    block = int(context.attribute("blocksize", 1))
    return context.emit("Reorg", context.read(0), parameters={0: block, 1: DCR})


def pad(context: LoweringContext) -> Blob:
    """Lower Pad of height and width, and constant padding of channels, to Padding.

    Modes are constant (by default with 0), edge and reflect. Exact in float32.

    Raises:
        RefusedError: the mode is another one, amounts are negative or computed, or another axis is
            padded.
    """
    x, operation = context.read(0), context.operation
    mode = context.attribute("mode", "constant")
    if mode not in MODES:
        raise RefusedError(f"ncnn does not pad by '{mode}'; use constant, edge or reflect")
    rank = len(operation.operand(0).shape)
    amounts = [int(n) for n in np.ravel(context.constant(1))]
    axes = [int(axis) % rank for axis in np.ravel(context.constant(3, np.arange(rank)))]
    if min(amounts) < 0:
        raise RefusedError("it cuts off by negative padding; cut the image by Slice")
    parameters: dict[int, Number] = {4: MODES[mode]}
    for index, axis in enumerate(axes):
        before, after = amounts[index], amounts[index + len(axes)]
        if before or after:
            letter = LETTERS[len(x.shape)][context.axis(axis)].lower()
            if letter == "d" or (letter == "c" and mode != "constant"):
                raise RefusedError("it pads other axes than height and width, which ncnn does not")
            parameters |= dict(zip(PAD_KEYS[letter], (before, after), strict=True))
    value = context.constant(2)
    if mode == "constant" and value is not None and value.size:
        parameters[5] = float(np.float32(value.reshape(())))
    return context.emit("Padding", x, parameters=parameters)


def transpose(context: LoweringContext) -> Blob:
    """Lower Transpose of any rank to Permute, with adjacent axes merged. Exact.

    Without `perm` the axes are reversed. If more than ncnn's four axes remain, they are moved one
    at a time.
    """
    operation = context.operation
    shape = operation.operand(0).shape
    order = list(context.attribute("perm", range(len(shape))[::-1]))
    lengths, order = merged(shape, order)
    x = context.builder.read_numbers(operation.operand(0))
    while len(lengths) > MAX_AXES:
        position = next(index for index, axis in enumerate(order) if index != axis)
        x, lengths, order = _with_one_in_place(context, x, lengths, order, position)
    transposed = permuted(context, context.builder.reshaped(x, lengths), order)
    return context.builder.representable(transposed, operation.output)


def _with_one_in_place(
    context: LoweringContext, x: Blob, lengths: tuple[int, ...], order: list[int], position: int
) -> tuple[Blob, tuple[int, ...], list[int]]:
    """Move one axis to its final position; return the remaining transposition."""
    axis = order[position]
    cuts = (0, position, axis, axis + 1, len(lengths))
    lengths_merged = [math.prod(lengths[a:b]) for a, b in itertools.pairwise(cuts)]
    x = permuted(context, context.builder.reshaped(x, tuple(lengths_merged)), (0, 2, 1, 3))
    moved = [*range(position), axis, *(i for i in range(position, len(lengths)) if i != axis)]
    lengths = tuple(lengths[i] for i in moved)
    return x, *merged(lengths, [moved.index(i) for i in order])


def merged(shape: Sequence[int], order: Sequence[int]) -> tuple[tuple[int, ...], list[int]]:
    """Simplify a transposition: drop axes of length 1 and merge axes that stay adjacent.

    Args:
        shape: lengths before.
        order: axis i of the result is axis order[i] of the input.

    Returns:
        Lengths and order of the simplified transposition; (1,) and [0] if all axes have length 1.
    """
    runs: list[list[int]] = []
    for axis in (axis for axis in order if shape[axis] != 1):
        follows = runs and all(shape[between] == 1 for between in range(runs[-1][-1] + 1, axis))
        if follows and runs[-1][-1] < axis:
            runs[-1].append(axis)
        else:
            runs.append([axis])
    sorted_runs = sorted(runs)
    lengths = tuple(math.prod(shape[axis] for axis in run) for run in sorted_runs)
    return lengths or (1,), [sorted_runs.index(run) for run in runs] or [0]


def permuted(context: LoweringContext, x: Blob, order: Sequence[int]) -> Blob:
    """Permute the axes of a blob of at most four axes: axis i of the result is axis order[i].

    No layer is added if the order stays. Exact.
    """
    if list(order) == sorted(order):
        return x
    letters = LETTERS[len(x.shape)]
    word = "".join(letters[axis] for axis in reversed(order))
    shape = tuple(x.shape[axis] for axis in order)
    return context.builder.emit("Permute", (x,), shape, {0: ORDERS[len(letters)].index(word)})


def tile(context: LoweringContext) -> Blob:
    """Lower Tile with constant repeats, one per axis, to one Tile for each repeated axis. Exact.

    Raises:
        RefusedError: repeats are computed, or a tensor has more than ncnn's four axes.
    """
    return _repeated(context, [int(count) for count in np.ravel(context.constant(1))])


def expand(context: LoweringContext) -> Blob:
    """Lower Expand to the graph's output shape to one Tile for each enlarged axis. Exact.

    Raises:
        RefusedError: a tensor has more than ncnn's four axes.
    """
    shape, output = context.operation.operand(0).shape, context.operation.output.shape
    padded = (1,) * (len(output) - len(shape)) + tuple(shape)
    return _repeated(context, [to // of for of, to in zip(padded, output, strict=True)])


def _repeated(context: LoweringContext, counts: Sequence[int]) -> Blob:
    output = context.operation.output.shape
    shape = context.operation.operand(0).shape
    padded = (1,) * (len(output) - len(shape)) + tuple(shape)
    left_out = len(output) - len(context.shape)
    x = context.builder.reshaped(context.read(0), padded[left_out:])
    for axis, count in enumerate(counts[left_out:]):
        if count != 1:
            longer = tuple(n * count if i == axis else n for i, n in enumerate(x.shape))
            x = context.builder.emit("Tile", (x,), longer, {0: axis, 1: count})
    return x
