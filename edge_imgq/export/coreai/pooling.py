"""Lowering of pooling to Core AI, with one to three spatial axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.export.coreai.arguments import Arguments, ai, constant
from edge_imgq.export.coreai.window_padding import Sides, in_plane, padded, padding

if TYPE_CHECKING:
    from numpy.typing import NDArray


def max_pool(arguments: Arguments) -> Any:
    """Lower `max_pool` of (N, C, spatial axes …), one to three of them, to the same layout. Exact.

    Padding is −infinity, so it is never the maximum. Strides are 1 by default; `ceil_mode` is not
    read.

    Raises:
        NotImplementedError: `pad_type` is neither valid nor custom.
    """
    kernel, strides = _window(arguments)
    fill = arguments.type_of("x").type(-np.inf)
    x = padded(arguments.value("x"), padding(arguments, kernel), fill)
    kind = ai.TensorType(_planar(arguments.shape, kernel), arguments.type_of("x").type)
    build = ai.maxpool3d if len(kernel) == 3 else ai.maxpool2d
    window = (_extended(sides, kernel) for sides in (kernel, strides, [1] * len(kernel)))
    pooled = build(kind, in_plane(x, kernel), *window, ceil_mode=constant(np.bool_(False)))
    return _line(arguments, pooled, kernel)


def avg_pool(arguments: Arguments) -> Any:
    """Lower `avg_pool` of (N, C, spatial axes …) to sums and a product with the reciprocal count.

    There are one to three spatial axes. Padding counts as zeros unless
    `exclude_padding_from_average` is set. The reciprocal is rounded to the element type, so in
    float16 a mean can differ by a rounding from a division. Strides are 1 by default; `ceil_mode`
    is not read.

    Raises:
        NotImplementedError: `pad_type` is neither valid nor custom.
    """
    kernel, strides = _window(arguments)
    sides, own = padding(arguments, kernel), arguments.type_of("x").type
    x = padded(arguments.value("x"), sides, own(0))
    build = ai.sumpool3d if len(kernel) == 3 else ai.sumpool2d
    window = [_extended(values, kernel) for values in (kernel, strides, [1] * len(kernel))]
    total = _line(arguments, build(in_plane(x, kernel), *window), kernel)
    if not arguments.flag("exclude_padding_from_average") or not any(map(any, sides)):
        return ai.broadcasting_mul(total, constant(own(1 / math.prod(kernel))))
    shares = 1 / _taps(arguments, kernel, strides, sides)
    return ai.broadcasting_mul(total, constant(shares.astype(own)))


def _taps(
    arguments: Arguments, kernel: Sequence[int], strides: Sequence[int], sides: Sides
) -> NDArray[np.float64]:
    """Return the number of elements inside the image in each window, float64 (spatial axes …)."""
    counts: NDArray[np.float64] = np.ones(())
    sizes, outputs = arguments.shape_of("x")[2:], arguments.shape[2:]
    for size, count, taps, stride, (begin, _) in zip(
        sizes, outputs, kernel, strides, sides, strict=True
    ):
        reached = np.arange(count)[:, np.newaxis] * stride - begin + np.arange(taps)
        counts = counts[..., np.newaxis] * ((reached >= 0) & (reached < size)).sum(axis=1)
    return counts


def _window(arguments: Arguments) -> tuple[list[int], list[int]]:
    kernel = arguments.integers("kernel_sizes")
    return kernel, arguments.integers("strides", [1] * len(kernel))


def _planar(shape: Sequence[int], kernel: Sequence[int]) -> tuple[int, ...]:
    """Insert an axis of length 1 into a shape with one spatial axis; return others unchanged."""
    return (*shape[:2], 1, *shape[2:]) if len(kernel) == 1 else tuple(shape)


def _line(arguments: Arguments, x: Any, kernel: Sequence[int]) -> Any:
    return ai.reshape(x, np.asarray(arguments.shape, np.int32)) if len(kernel) == 1 else x


def _extended(values: Sequence[int], kernel: Sequence[int]) -> Any:
    return constant(np.asarray([*[1] * (len(kernel) == 1), *values], np.uint32))
