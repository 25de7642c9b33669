"""Pools of the evaluator."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from edge_imgq.runtime.mil.arguments import Arguments
from edge_imgq.runtime.mil.window import padding


def max_pool(arguments: Arguments) -> Tensor:
    """`max_pool` on (N, C, H, W)."""
    kernel, strides = _window(arguments)
    x = _padded(arguments, kernel, strides, -math.inf)
    return F.max_pool2d(x, kernel, strides)


def avg_pool(arguments: Arguments) -> Tensor:
    """`avg_pool` on (N, C, H, W); padding counts in the mean unless it is excluded.

    The elements that `ceil_mode` adds beyond the padding never count, as in torch.
    """
    kernel, strides = _window(arguments)
    x = arguments.tensor("x")
    total = F.avg_pool2d(_padded(arguments, kernel, strides, 0.0), kernel, strides)
    ones = torch.ones_like(x[:1, :1])
    if not arguments.flag("exclude_padding_from_average"):
        ones = F.pad(ones, _sides(arguments, kernel, strides), value=1.0)
        extra = _ceiling(arguments, kernel, strides)
        ones = F.pad(ones, (0, extra[1], 0, extra[0]))
    else:
        ones = _pad_all(arguments, kernel, strides, ones, 0.0)
    return total / F.avg_pool2d(ones, kernel, strides)


def _window(arguments: Arguments) -> tuple[list[int], list[int]]:
    return arguments.ints("kernel_sizes"), arguments.ints("strides", [1, 1])


def _padded(arguments: Arguments, kernel: list[int], strides: list[int], value: float) -> Tensor:
    return _pad_all(arguments, kernel, strides, arguments.tensor("x"), value)


def _pad_all(
    arguments: Arguments, kernel: list[int], strides: list[int], x: Tensor, value: float
) -> Tensor:
    left, right, top, bottom = _sides(arguments, kernel, strides)
    extra = _ceiling(arguments, kernel, strides)
    return F.pad(x, (left, right + extra[1], top, bottom + extra[0]), value=value)


def _sides(arguments: Arguments, kernel: list[int], strides: list[int]) -> tuple[int, ...]:
    top, bottom, left, right = padding(arguments, kernel, strides, [1, 1])
    return left, right, top, bottom


def _ceiling(arguments: Arguments, kernel: list[int], strides: list[int]) -> tuple[int, int]:
    """Return the rows and columns that `ceil_mode` adds so that the last window fits."""
    if not arguments.flag("ceil_mode"):
        return 0, 0
    left, right, top, bottom = _sides(arguments, kernel, strides)
    extra = []
    for axis, (before, after) in enumerate(((top, bottom), (left, right))):
        size = arguments.raw("x").shape[2 + axis]
        windows = -(-(size + before + after - kernel[axis]) // strides[axis]) + 1
        if (windows - 1) * strides[axis] >= size + before:
            windows -= 1  # A window that starts in the padding after the image does not exist.
        needed = (windows - 1) * strides[axis] + kernel[axis]
        extra.append(max(needed - size - before - after, 0))
    return extra[0], extra[1]
