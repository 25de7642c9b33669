"""Lowering of resizes to Core AI: tiles for nearest, one matrix product per axis for bilinear.

Core AI's `interpolate` is not used: converters that do report aborts of the GPU's compiler
(docs/coreai.md cites the source), and the products are equivalent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.export.coreai.arguments import Arguments, ai, constant
from edge_imgq.export.coreai.data_movement import reshaped

if TYPE_CHECKING:
    from numpy.typing import NDArray


def upsample_nearest(arguments: Arguments) -> Any:
    """Lower `upsample_nearest_neighbor` of (N, C, H, W) by integer factors to tiles. Exact.

    The factors are the result's height and width divided by the operand's, rounded down.
    """
    x = arguments.value("x")
    for axis in (2, 3):
        shape = list(x.type.shape)
        factor = arguments.shape[axis] // shape[axis]
        if factor > 1:
            expanded = reshaped(x, [*shape[: axis + 1], 1, *shape[axis + 1 :]])
            repeats = np.ones(len(shape) + 1, np.uint32)
            repeats[axis + 1] = factor
            shape[axis] *= factor
            x = reshaped(ai.tile(expanded, repeats), shape)
    return x


def upsample_bilinear(arguments: Arguments) -> Any:
    """Lower `upsample_bilinear` of (N, C, H, W) to one matrix product for rows and one for columns.

    With `align_corners`, corners map to corners; else output i samples at i · in / out, with
    `half_pixel_centers` at (i + ½) · in / out − ½, clamped to the image. Interpolation weights, and
    each product, are rounded to the element type of x.
    """
    align, own = arguments.flag("align_corners"), arguments.type_of("x").type
    centres = arguments.flag("half_pixel_centers")
    (rows, columns), (high, wide) = arguments.shape_of("x")[2:], arguments.shape[2:]
    down = _blend(rows, high, align, centres).astype(own)
    across = _blend(columns, wide, align, centres).astype(own)
    x = ai.broadcasting_batch_matmul(constant(down), arguments.value("x"))
    return ai.broadcasting_batch_matmul(x, constant(across.T))


def _blend(size: int, target: int, align: bool, centres: bool) -> NDArray[np.float64]:
    """Return the (target, size) matrix of linear interpolation weights, float64.

    Args:
        size: input samples.
        target: output samples.
        align: map corners to corners.
        centres: sample at the centres of pixels; ignored with `align`.
    """
    index = np.arange(target)
    if align:
        positions = index * ((size - 1) / max(target - 1, 1))
    else:
        positions = (index + 0.5 * centres) * (size / target) - 0.5 * centres
    positions = positions.clip(0, size - 1)
    low = np.floor(positions).astype(int)
    weight = positions - low
    table = np.zeros((target, size))
    table[index, low] += 1 - weight
    table[index, np.minimum(low + 1, size - 1)] += weight
    return table
