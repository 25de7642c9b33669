"""Bilinear resizing of the evaluator, written from Core ML's own grid formulas."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from edge_imgq.runtime.mil.arguments import Arguments


def upsample_bilinear(arguments: Arguments) -> Tensor:
    """`upsample_bilinear` by factors; the spacing follows the sizes, not the factors."""
    x = arguments.tensor("x")
    align = arguments.flag("align_corners", True)
    centres = arguments.flag("half_pixel_centers", not align)
    for axis, key in ((-2, "scale_factor_height"), (-1, "scale_factor_width")):
        size = x.shape[axis]
        target = math.floor(size * arguments.number(key, 1))
        x = _interpolate(x, axis, _grid(size, target, align, centres, x))
    return x


def resize_bilinear(arguments: Arguments) -> Tensor:
    """`resize_bilinear` to a size, in its sampling modes.

    DEFAULT and OFFSET_CORNERS divide differently only where they would leave the image.
    """
    x = arguments.tensor("x")
    mode = arguments.text("sampling_mode", "DEFAULT")
    align = mode in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS")
    for axis, key in ((-2, "target_size_height"), (-1, "target_size_width")):
        target = int(arguments.number(key))
        grid = _grid(x.shape[axis], target, align, mode == "UNALIGN_CORNERS", x)
        x = _interpolate(x, axis, grid)
    return x


def _grid(size: int, target: int, align: bool, centres: bool, like: Tensor) -> Tensor:
    """Return where the output samples lie, in input samples."""
    index = torch.arange(target, dtype=torch.float64, device=like.device)
    if align:
        return index * ((size - 1) / max(target - 1, 1))
    spacing = size / target
    grid = index * spacing + (0.5 * spacing - 0.5 if centres else 0.0)
    return grid.clamp(0, size - 1)


def _interpolate(x: Tensor, axis: int, grid: Tensor) -> Tensor:
    """Blend the two neighbours of every grid point along one axis."""
    low = grid.floor().long()
    high = (low + 1).clamp_max(x.shape[axis] - 1)
    weight = (grid - low).to(x.dtype)
    if axis == -2:
        weight = weight[:, None]
    return x.index_select(axis, low) * (1 - weight) + x.index_select(axis, high) * weight
