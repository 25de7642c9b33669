"""Operators of the evaluator that move values without computing."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from edge_imgq.runtime.mil.arguments import Arguments

PAD_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "replicate"}


def identity(arguments: Arguments) -> Tensor:
    """`identity` and `cast`: the value itself, converted to the declared type by the caller."""
    return arguments.raw("x")


def concat(arguments: Arguments) -> Tensor:
    """`concat` along one axis."""
    return torch.cat(arguments.tensors("values"), int(arguments.number("axis")))


def split(arguments: Arguments) -> tuple[Tensor, ...]:
    """`split` into given or equal sizes."""
    x, axis = arguments.tensor("x"), int(arguments.number("axis"))
    if arguments.has("split_sizes"):
        return torch.split(x, arguments.ints("split_sizes"), axis)
    return torch.chunk(x, int(arguments.number("num_splits")), axis)


def slice_by_index(arguments: Arguments) -> Tensor:
    """`slice_by_index` with its masks; negative indices count from the end, strides do not."""
    x = arguments.tensor("x")
    nothing = [0] * x.ndim
    begins, ends = arguments.ints("begin"), arguments.ints("end")
    steps = arguments.ints("stride", [1] * x.ndim)
    no_begin = arguments.ints("begin_mask", nothing)
    no_end = arguments.ints("end_mask", nothing)
    squeezed = arguments.ints("squeeze_mask", nothing)
    selection: list[slice | int] = []
    for axis, (begin, end, step) in enumerate(zip(begins, ends, steps, strict=True)):
        if squeezed[axis]:
            selection.append(begin)
            continue
        first = None if no_begin[axis] else begin
        last = None if no_end[axis] else end
        selection.append(slice(first, last, step))
    return x[tuple(selection)]


def reverse(arguments: Arguments) -> Tensor:
    """`reverse` given axes, or all of them."""
    x = arguments.tensor("x")
    return x.flip(arguments.ints("axes", list(range(x.ndim))))


def gather(arguments: Arguments) -> Tensor:
    """`gather` the elements of one axis that a list of indices names."""
    x, indices = arguments.tensor("x"), arguments.raw("indices")
    axis = int(arguments.number("axis", 0)) % x.ndim
    flat = indices.reshape(-1).long()
    picked = x.index_select(axis, torch.where(flat < 0, flat + x.shape[axis], flat))
    return picked.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def crop(arguments: Arguments) -> Tensor:
    """`crop` rows and columns off the image."""
    top, bottom = arguments.ints("crop_height")
    left, right = arguments.ints("crop_width")
    return F.pad(arguments.tensor("x"), (-left, -right, -top, -bottom))


def pad(arguments: Arguments) -> Tensor:
    """`pad`; the listed axes are the last ones, first axis first.

    PyTorch mirrors or repeats the columns of an image only if it is told of the rows too.
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
    """`pixel_shuffle`: channel-major (ONNX DepthToSpace in mode CRD)."""
    return F.pixel_shuffle(arguments.tensor("x"), int(arguments.number("upscale_factor")))


def pixel_unshuffle(arguments: Arguments) -> Tensor:
    """`pixel_unshuffle`: the inverse of `pixel_shuffle`."""
    return F.pixel_unshuffle(arguments.tensor("x"), int(arguments.number("downscale_factor")))


def depth_to_space(arguments: Arguments) -> Tensor:
    """`depth_to_space`: block-major (ONNX DepthToSpace in mode DCR, TensorFlow's)."""
    x, block = arguments.tensor("x"), int(arguments.number("block_size"))
    n, channels, height, width = x.shape
    depth = channels // block**2
    blocks = x.reshape(n, block, block, depth, height, width).permute(0, 3, 4, 1, 5, 2)
    return blocks.reshape(n, depth, height * block, width * block)


def space_to_depth(arguments: Arguments) -> Tensor:
    """`space_to_depth`: the inverse of `depth_to_space`."""
    x, block = arguments.tensor("x"), int(arguments.number("block_size"))
    n, channels, height, width = x.shape
    rows, columns = height // block, width // block
    blocks = x.reshape(n, channels, rows, block, columns, block).permute(0, 3, 5, 1, 2, 4)
    return blocks.reshape(n, channels * block**2, rows, columns)


def transpose(arguments: Arguments) -> Tensor:
    """`transpose`."""
    return arguments.tensor("x").permute(arguments.ints("perm"))


def reshape(arguments: Arguments) -> Tensor:
    """`reshape`; 0 keeps a dimension, -1 is inferred."""
    x, shape = arguments.tensor("x"), arguments.ints("shape")
    return x.reshape([x.shape[i] if size == 0 else size for i, size in enumerate(shape)])


def expand_dims(arguments: Arguments) -> Tensor:
    """`expand_dims`."""
    x, axes = arguments.tensor("x"), arguments.ints("axes")
    rank = x.ndim + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


def squeeze(arguments: Arguments) -> Tensor:
    """`squeeze` given axes, or all that are 1."""
    x = arguments.tensor("x")
    return x.squeeze(tuple(arguments.ints("axes"))) if arguments.has("axes") else x.squeeze()


def tile(arguments: Arguments) -> Tensor:
    """`tile`."""
    return arguments.tensor("x").tile(arguments.ints("reps"))


def upsample_nearest(arguments: Arguments) -> Tensor:
    """`upsample_nearest_neighbor`: output row o shows input row floor(o / factor)."""
    x = arguments.tensor("x")
    for axis, key in ((-2, "scale_factor_height"), (-1, "scale_factor_width")):
        factor = arguments.number(key, 1)
        size = math.floor(x.shape[axis] * factor)
        source = torch.arange(size, device=x.device).div(factor).floor().long()
        x = x.index_select(axis, source.clamp_max(x.shape[axis] - 1))
    return x
