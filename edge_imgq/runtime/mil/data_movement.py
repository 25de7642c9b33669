"""Operators of MIL that move elements without arithmetic, in torch.

All are exact. Float16 is widened to float32, which `Evaluator` converts back to the declared type.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from edge_imgq.runtime.mil.arguments import Arguments

PAD_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "replicate"}


def identity(arguments: Arguments) -> Tensor:
    """Return `x` itself, in its own dtype: MIL `identity` and `cast`.

    `Evaluator` converts it to the declared dtype of the result.
    """
    return arguments.raw("x")


def concat(arguments: Arguments) -> Tensor:
    """Concatenate the tensors `values` along `axis`, a constant: MIL `concat`. Exact.

    Raises:
        RuntimeError: shapes differ along another axis.
    """
    return torch.cat(arguments.tensors("values"), int(arguments.number("axis")))


def split(arguments: Arguments) -> tuple[Tensor, ...]:
    """Split `x` along `axis` into consecutive pieces: MIL `split`. Exact.

    Pieces have the lengths `split_sizes` or, without them, there are `num_splits` of equal length.

    Raises:
        RuntimeError: `split_sizes` do not add up to the length of the axis.
    """
    x, axis = arguments.tensor("x"), int(arguments.number("axis"))
    if arguments.has("split_sizes"):
        return torch.split(x, arguments.ints("split_sizes"), axis)
    return torch.chunk(x, int(arguments.number("num_splits")), axis)


def slice_by_index(arguments: Arguments) -> Tensor:
    """Slice every axis from `begin` up to `end` by `stride`: MIL `slice_by_index`. Exact.

    Each parameter is a constant with one entry per axis; strides are 1 by default. Negative indices
    count from the end. `begin_mask` makes a slice start at the first element and `end_mask` makes
    it stop after the last, whatever the index. `squeeze_mask` takes the one element at `begin` and
    drops the axis. Slices that reach beyond an axis are cut short, as in Python.

    Raises:
        ValueError: a stride is not positive.
        IndexError: `begin` of a squeezed axis lies outside it.
    """
    x = arguments.tensor("x")
    nothing = [0] * x.ndim
    begins, ends = arguments.ints("begin"), arguments.ints("end")
    strides = arguments.ints("stride", [1] * x.ndim)
    no_begin = arguments.ints("begin_mask", nothing)
    no_end = arguments.ints("end_mask", nothing)
    squeezed = arguments.ints("squeeze_mask", nothing)
    selection: list[slice | int] = []
    for axis, (begin, end, stride) in enumerate(zip(begins, ends, strides, strict=True)):
        if squeezed[axis]:
            selection.append(begin)
            continue
        first = None if no_begin[axis] else begin
        last = None if no_end[axis] else end
        selection.append(slice(first, last, stride))
    return x[tuple(selection)]


def reverse(arguments: Arguments) -> Tensor:
    """Reverse the order of elements along `axes`, by default all: MIL `reverse`. Exact.

    The shape stays the same. Negative axes count from the end.
    """
    x = arguments.tensor("x")
    return x.flip(arguments.ints("axes", list(range(x.ndim))))


def gather(arguments: Arguments) -> Tensor:
    """Take the elements of `axis`, by default 0, at integer `indices`: MIL `gather`, as `np.take`.

    The result has the axes of `indices`, of any rank, in place of `axis`: from x (2, 5, 7) and
    indices (3, 4), axis 1 gives (2, 3, 4, 7). Negative indices count from the end. `batch_dims` is
    taken to be 0. Exact; `x` in float16 is returned as float32, other dtypes unchanged.

    Raises:
        RuntimeError: an index lies outside the axis; torch raises IndexError in some cases.
    """
    x, indices = arguments.tensor("x"), arguments.raw("indices")
    axis = int(arguments.number("axis", 0)) % x.ndim
    flat = indices.reshape(-1).long()
    picked = x.index_select(axis, torch.where(flat < 0, flat + x.shape[axis], flat))
    return picked.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def crop(arguments: Arguments) -> Tensor:
    """Remove rows and columns at the edges of (N, C, H, W): MIL `crop`. Exact.

    `crop_height` is (top, bottom), `crop_width` (left, right), in pixels, each 0 or more.

    Raises:
        RuntimeError: more is removed than there is.
    """
    top, bottom = arguments.ints("crop_height")
    left, right = arguments.ints("crop_width")
    return F.pad(arguments.tensor("x"), (-left, -right, -top, -bottom))


def pad(arguments: Arguments) -> Tensor:
    """Pad the last axes of a tensor: MIL `pad`. Exact.

    `pad` is a flat list of (before, after) pairs for the last axes, first of them first. `mode` is
    constant (with `constant_val`, by default 0), reflect (without repeating the edge) or replicate.
    Constant padding takes any axes, the others at most the last three.

    Raises:
        RuntimeError: reflection is as wide as the axis or wider, or torch cannot pad these axes in
            this mode.
        KeyError: the mode is another one.
    """
    x, pads = arguments.tensor("x"), arguments.ints("pad")
    pairs = [pads[index : index + 2] for index in range(0, len(pads), 2)]
    mode = PAD_MODES[arguments.text("mode", "constant")]
    least = 1 if mode == "constant" else max(1, x.ndim - 2)
    pairs = [[0, 0]] * (least - len(pairs)) + pairs
    while len(pairs) > least and pairs[0] == [0, 0]:
        pairs = pairs[1:]
    reverse = [side for pair in reversed(pairs) for side in pair]
    if mode == "constant":
        return F.pad(x, reverse, value=arguments.number("constant_val", 0.0))
    return F.pad(x, reverse, mode=mode)


def pixel_shuffle(arguments: Arguments) -> Tensor:
    """Rearrange (N, C · r², H, W) to (N, C, r · H, r · W), channel-major: MIL `pixel_shuffle`.

    r is `upscale_factor`. The same as ONNX DepthToSpace in mode CRD. Exact.

    Raises:
        RuntimeError: the channels are not a multiple of r².
    """
    return F.pixel_shuffle(arguments.tensor("x"), int(arguments.number("upscale_factor")))


def pixel_unshuffle(arguments: Arguments) -> Tensor:
    """Rearrange (N, C, r · H, r · W) to (N, C · r², H, W), channel-major: MIL `pixel_unshuffle`.

    r is `downscale_factor`; the exact inverse of `pixel_shuffle`.

    Raises:
        RuntimeError: a side is not a multiple of r.
    """
    return F.pixel_unshuffle(arguments.tensor("x"), int(arguments.number("downscale_factor")))


def depth_to_space(arguments: Arguments) -> Tensor:
    """Rearrange (N, b² · C, H, W) to (N, C, b · H, b · W), block-major: MIL `depth_to_space`.

    b is `block_size`. The same as ONNX DepthToSpace in mode DCR, and as TensorFlow's. Exact.

    Raises:
        RuntimeError: the channels are not a multiple of b².
    """
    x, block = arguments.tensor("x"), int(arguments.number("block_size"))
    n, channels, height, width = x.shape
    depth = channels // block**2
    blocks = x.reshape(n, block, block, depth, height, width).permute(0, 3, 4, 1, 5, 2)
    return blocks.reshape(n, depth, height * block, width * block)


def space_to_depth(arguments: Arguments) -> Tensor:
    """Rearrange (N, C, b · H, b · W) to (N, b² · C, H, W), block-major: MIL `space_to_depth`.

    b is `block_size`; the exact inverse of `depth_to_space`.

    Raises:
        RuntimeError: a side is not a multiple of b.
    """
    x, block = arguments.tensor("x"), int(arguments.number("block_size"))
    n, channels, height, width = x.shape
    rows, columns = height // block, width // block
    blocks = x.reshape(n, channels, rows, block, columns, block).permute(0, 3, 5, 1, 2, 4)
    return blocks.reshape(n, channels * block**2, rows, columns)


def transpose(arguments: Arguments) -> Tensor:
    """Permute axes, so that axis i of the result is axis perm[i] of `x`: MIL `transpose`. Exact.

    `perm` is a constant with every axis once, else RuntimeError.
    """
    return arguments.tensor("x").permute(arguments.ints("perm"))


def reshape(arguments: Arguments) -> Tensor:
    """Reshape `x` to `shape`, where 0 keeps an axis and one −1 is inferred: MIL `reshape`. Exact.

    `shape` is a constant; elements keep their row-major order.

    Raises:
        RuntimeError: the number of elements differs.
    """
    x, shape = arguments.tensor("x"), arguments.ints("shape")
    return x.reshape([x.shape[i] if size == 0 else size for i, size in enumerate(shape)])


def expand_dims(arguments: Arguments) -> Tensor:
    """Insert axes of length 1, at positions `axes` of the result: MIL `expand_dims`. Exact.

    `axes` is a constant; negative positions count from the end of the result.
    """
    x, axes = arguments.tensor("x"), arguments.ints("axes")
    rank = x.ndim + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


def squeeze(arguments: Arguments) -> Tensor:
    """Drop `axes` of length 1, by default all of them: MIL `squeeze`. Exact.

    Named axes that are longer are kept, without an error.
    """
    x = arguments.tensor("x")
    return x.squeeze(tuple(arguments.ints("axes"))) if arguments.has("axes") else x.squeeze()


def tile(arguments: Arguments) -> Tensor:
    """Repeat `x` reps[i] times along axis i: MIL `tile`. Exact.

    `reps` is a constant with one entry per axis.
    """
    return arguments.tensor("x").tile(arguments.ints("reps"))


def upsample_nearest(arguments: Arguments) -> Tensor:
    """Enlarge (…, H, W) by repeating elements: MIL `upsample_nearest_neighbor`. Exact.

    Output row o is input row floor(o / factor), and the result has floor(H · factor) rows; columns
    alike. `scale_factor_height` and `scale_factor_width` are 1 by default and may be fractions.
    """
    x = arguments.tensor("x")
    for axis, key in ((-2, "scale_factor_height"), (-1, "scale_factor_width")):
        factor = arguments.number(key, 1)
        size = math.floor(x.shape[axis] * factor)
        source = torch.arange(size, device=x.device).div(factor).floor().long()
        x = x.index_select(axis, source.clamp_max(x.shape[axis] - 1))
    return x
