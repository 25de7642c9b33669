"""Pooling operators of MIL, computed in torch."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from edge_imgq.runtime.mil.arguments import Arguments
from edge_imgq.runtime.mil.window_padding import Pair, padding, torch_padding

MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
MEAN = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
"""torch's average pooling by number of spatial axes, as MAX has max pooling."""


def max_pool(arguments: Arguments) -> Tensor:
    """Return the maximum of each window of (N, C, spatial axes …): MIL `max_pool`. Exact.

    There are one to three spatial axes, each of which becomes (size + pads − kernel) // stride + 1
    long, rounded up where `ceil_mode` is set. Strides are 1 by default; `pad_type` is valid (no
    padding, the default), custom (the pairs of `pad`), or same and same_lower (to ceil(size /
    stride)). Padding is never the maximum.

    Raises:
        RuntimeError: the kernel is larger than the padded input.
    """
    kernel, strides = _window(arguments)
    pads = _ceil_padding(arguments, kernel, strides)
    x = F.pad(arguments.tensor("x"), torch_padding(pads), value=-math.inf)
    pooled: Tensor = MAX[len(kernel)](x, kernel, strides)
    return pooled


def avg_pool(arguments: Arguments) -> Tensor:
    """Return the mean of each window of (N, C, spatial axes …): MIL `avg_pool`, in float32.

    There are one to three spatial axes, with sizes and padding as in `max_pool`. Padding counts as
    zeros in the mean unless `exclude_padding_from_average` is set. Elements that `ceil_mode` adds
    beyond the padding never count, as in torch.

    Raises:
        RuntimeError: the kernel is larger than the padded input.
    """
    kernel, strides = _window(arguments)
    mean = MEAN[len(kernel)]
    pads, extended = (
        _padding(arguments, kernel, strides),
        _ceil_padding(arguments, kernel, strides),
    )
    x = arguments.tensor("x")
    ones = torch.ones_like(x[:1, :1])
    if not arguments.flag("exclude_padding_from_average"):
        ones = F.pad(ones, torch_padding(pads), value=1.0)
        beyond = [(0, far - end) for (_, far), (_, end) in zip(extended, pads, strict=True)]
        ones = F.pad(ones, torch_padding(beyond))
    else:
        ones = F.pad(ones, torch_padding(extended))
    total = mean(F.pad(x, torch_padding(extended)), kernel, strides)
    return total / mean(ones, kernel, strides)


def _window(arguments: Arguments) -> tuple[list[int], list[int]]:
    kernel = arguments.ints("kernel_sizes")
    return kernel, arguments.ints("strides", [1] * len(kernel))


def _padding(arguments: Arguments, kernel: list[int], strides: list[int]) -> list[Pair]:
    return padding(arguments, kernel, strides, [1] * len(kernel))


def _ceil_padding(arguments: Arguments, kernel: list[int], strides: list[int]) -> list[Pair]:
    """Return the padding, extended at the end where `ceil_mode` needs it for the last window."""
    pads = _padding(arguments, kernel, strides)
    if not arguments.flag("ceil_mode"):
        return pads
    padded = []
    for axis, (before, after) in enumerate(pads):
        size = arguments.raw("x").shape[2 + axis]
        windows = -(-(size + before + after - kernel[axis]) // strides[axis]) + 1
        if (windows - 1) * strides[axis] >= size + before:
            windows -= 1  # A window that starts in the padding after the image does not exist.
        needed = (windows - 1) * strides[axis] + kernel[axis]
        padded.append((before, max(needed - size - before, after)))
    return padded
