"""Bilinear resizing operators of MIL, computed in torch after Core ML's own sampling formulas."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from edge_imgq.runtime.mil.arguments import Arguments


def upsample_bilinear(arguments: Arguments) -> Tensor:
    """Enlarge (…, H, W) bilinearly by two factors: MIL `upsample_bilinear`, in float32.

    The result has floor(H · `scale_factor_height`) rows; columns alike. Samples are spaced by input
    size / output size, which differs from 1 / factor where the floor cuts something off. By default
    `align_corners` is set: corners map to corners. Otherwise sample i lies at (i + 0.5) · spacing −
    0.5 with `half_pixel_centers`, which is then the default, and at i · spacing without. Positions
    are clamped to the image.
    """
    x = arguments.tensor("x")
    align = arguments.flag("align_corners", True)
    centres = arguments.flag("half_pixel_centers", not align)
    for axis, key in ((-2, "scale_factor_height"), (-1, "scale_factor_width")):
        size = x.shape[axis]
        target = math.floor(size * arguments.number(key, 1))
        x = _interpolate(x, axis, _grid(size, target, align, centres, x))
    return x


def resize_bilinear(arguments: Arguments) -> Tensor:
    """Resize (…, H, W) bilinearly to given sides: MIL `resize_bilinear`, in float32.

    The result is (…, `target_size_height`, `target_size_width`). With `sampling_mode`
    STRICT_ALIGN_CORNERS or ALIGN_CORNERS, corners map to corners. With UNALIGN_CORNERS, sample i
    lies at (i + 0.5) · spacing − 0.5, in all other modes at i · spacing, where spacing is input
    size / output size. Positions are clamped to the image; DEFAULT and OFFSET_CORNERS differ only
    outside it.
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
    """Return the position of each output sample along an axis, in input samples, float64."""
    index = torch.arange(target, dtype=torch.float64, device=like.device)
    if align:
        return index * ((size - 1) / max(target - 1, 1))
    spacing = size / target
    grid = index * spacing + (0.5 * spacing - 0.5 if centres else 0.0)
    return grid.clamp(0, size - 1)


def _interpolate(x: Tensor, axis: int, grid: Tensor) -> Tensor:
    """Interpolate linearly between the two neighbours of every position along axis −2 or −1."""
    low = grid.floor().long()
    high = (low + 1).clamp_max(x.shape[axis] - 1)
    weight = (grid - low).to(x.dtype)
    if axis == -2:
        weight = weight[:, None]
    return x.index_select(axis, low) * (1 - weight) + x.index_select(axis, high) * weight
