"""Pools and resizing."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from edge_imgq.export.coreml.convolution import window_padding
from edge_imgq.export.coreml.steps import Site, mb
from edge_imgq.graph.network import Operation

BILINEAR_GRIDS = {
    "half_pixel": {"align_corners": False, "half_pixel_centers": True},
    "pytorch_half_pixel": {"align_corners": False, "half_pixel_centers": True},
    "align_corners": {"align_corners": True, "half_pixel_centers": False},
    "asymmetric": {"align_corners": False, "half_pixel_centers": False},
}
"""ONNX's coordinate modes as arguments of Core ML's `upsample_bilinear`."""

NEAREST_GRIDS = {
    ("half_pixel", "round_prefer_floor"),
    ("half_pixel", "round_prefer_ceil"),
    ("pytorch_half_pixel", "round_prefer_floor"),
    ("pytorch_half_pixel", "round_prefer_ceil"),
    ("asymmetric", "floor"),
}
"""Coordinate and rounding modes that repeat every pixel alike when the factor is whole."""


def max_pool(site: Site) -> Any:
    """MaxPool."""
    return mb.max_pool(x=site.read(0), **_window(site))


def average_pool(site: Site) -> Any:
    """AveragePool; padding counts only where ONNX says so."""
    counted = bool(site.attribute("count_include_pad", 0))
    return mb.avg_pool(x=site.read(0), **_window(site), exclude_padding_from_average=not counted)


def global_average_pool(site: Site) -> Any:
    """GlobalAveragePool."""
    return mb.reduce_mean(x=site.read(0), axes=[2, 3], keep_dims=True)


def _window(site: Site) -> dict[str, Any]:
    top, left, bottom, right = window_padding(site.operation)
    return {
        "kernel_sizes": site.attribute("kernel_shape", ()),
        "strides": site.attribute("strides", (1, 1)),
        "pad_type": "custom",
        "pad": [top, bottom, left, right],
        "ceil_mode": bool(site.attribute("ceil_mode", 0)),
    }


def refuse_pool(operation: Operation) -> str | None:
    """Say what of a pool has no form."""
    if len(operation.operand(0).shape) != 4:
        return "only two-dimensional images are pooled"
    if any(dilation != 1 for dilation in operation.attributes.get("dilations", ())):
        return "its window is dilated"
    if len(operation.outputs) > 1:
        return "its indices are used"
    top, left, bottom, right = window_padding(operation)
    if operation.attributes.get("ceil_mode", 0) and (top, left) != (bottom, right):
        return "ceil_mode with unequal padding does not exist in Core ML"
    return None


def resize(site: Site) -> Any:
    """Resize, nearest by whole factors or bilinear by any."""
    height, width = _factors(site.operation)
    if site.attribute("mode", "nearest") == "nearest":
        return mb.upsample_nearest_neighbor(
            x=site.read(0), scale_factor_height=int(height), scale_factor_width=int(width)
        )
    grid = BILINEAR_GRIDS[site.attribute("coordinate_transformation_mode", "half_pixel")]
    return mb.upsample_bilinear(
        x=site.read(0),
        scale_factor_height=_number(height),
        scale_factor_width=_number(width),
        **grid,
    )


def refuse_resize(operation: Operation) -> str | None:
    """Say what of a Resize has no form."""
    attributes = operation.attributes
    mode = attributes.get("mode", "nearest")
    grid = attributes.get("coordinate_transformation_mode", "half_pixel")
    if operation.operand(0).shape[:2] != operation.output.shape[:2]:
        return "it resizes something else than height and width"
    if attributes.get("antialias", 0):
        return "antialiasing does not exist in Core ML"
    if mode == "nearest":
        rounding = attributes.get("nearest_mode", "round_prefer_floor")
        if any(factor.denominator != 1 for factor in _factors(operation)):
            return "nearest by a factor that is not whole"
        if (grid, rounding) not in NEAREST_GRIDS:
            return f"nearest with {grid} and {rounding}"
        return None
    if mode != "linear":
        return f"mode {mode} does not exist in Core ML"
    return None if grid in BILINEAR_GRIDS else f"coordinates {grid} do not exist in Core ML"


def _factors(operation: Operation) -> tuple[Fraction, Fraction]:
    """Return the exact ratios of output to input height and width."""
    before, after = operation.operand(0).shape, operation.output.shape
    return Fraction(after[2], before[2]), Fraction(after[3], before[3])


def _number(factor: Fraction) -> Any:
    """Return a factor as Core ML takes it: whole, or the least float32 that gives the size."""
    if factor.denominator == 1:
        return int(factor)
    single = np.float32(float(factor))
    return single if float(single) >= float(factor) else np.nextafter(single, np.float32(np.inf))
