"""Pools of the evaluator."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from edge_imgq.runtime.mil.arguments import Arguments
from edge_imgq.runtime.mil.window_padding import Pair, outward, padding

MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
MEAN = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
"""torch's functions by the number of spatial axes."""


def max_pool(arguments: Arguments) -> Tensor:
    """`max_pool` on (N, C, *image) with one to three spatial axes."""
    kernel, strides = _window(arguments)
    pads = _reaching(arguments, kernel, strides)
    x = F.pad(arguments.tensor("x"), outward(pads), value=-math.inf)
    pooled: Tensor = MAX[len(kernel)](x, kernel, strides)
    return pooled


def avg_pool(arguments: Arguments) -> Tensor:
    """`avg_pool` on (N, C, *image); padding counts in the mean unless it is excluded.

    The elements that `ceil_mode` adds beyond the padding never count, as in torch.
    """
    kernel, strides = _window(arguments)
    mean = MEAN[len(kernel)]
    pads, reaching = _sides(arguments, kernel, strides), _reaching(arguments, kernel, strides)
    x = arguments.tensor("x")
    ones = torch.ones_like(x[:1, :1])
    if not arguments.flag("exclude_padding_from_average"):
        ones = F.pad(ones, outward(pads), value=1.0)
        beyond = [(0, far - end) for (_, far), (_, end) in zip(reaching, pads, strict=True)]
        ones = F.pad(ones, outward(beyond))
    else:
        ones = F.pad(ones, outward(reaching))
    total = mean(F.pad(x, outward(reaching)), kernel, strides)
    return total / mean(ones, kernel, strides)


def _window(arguments: Arguments) -> tuple[list[int], list[int]]:
    kernel = arguments.ints("kernel_sizes")
    return kernel, arguments.ints("strides", [1] * len(kernel))


def _sides(arguments: Arguments, kernel: list[int], strides: list[int]) -> list[Pair]:
    return padding(arguments, kernel, strides, [1] * len(kernel))


def _reaching(arguments: Arguments, kernel: list[int], strides: list[int]) -> list[Pair]:
    """Return the padding with what `ceil_mode` adds behind so that the last window fits."""
    pads = _sides(arguments, kernel, strides)
    if not arguments.flag("ceil_mode"):
        return pads
    reaching = []
    for axis, (before, after) in enumerate(pads):
        size = arguments.raw("x").shape[2 + axis]
        windows = -(-(size + before + after - kernel[axis]) // strides[axis]) + 1
        if (windows - 1) * strides[axis] >= size + before:
            windows -= 1  # A window that starts in the padding after the image does not exist.
        needed = (windows - 1) * strides[axis] + kernel[axis]
        reaching.append((before, max(needed - size - before, after)))
    return reaching
