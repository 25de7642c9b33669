"""Lowering of convolutions to Core AI, where padding and bias are separate operators.

With one spatial axis, an axis of length 1 is inserted before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edge_imgq.export.coreai.arguments import Arguments, ai, constant
from edge_imgq.export.coreai.window_padding import Sides, in_plane, padded, padding


def conv(arguments: Arguments) -> Any:
    """Lower `conv` of (N, C_in, spatial axes …), with one to three spatial axes.

    `weight` is (C_out, C_in / groups, kernel …), `bias` a constant (C_out,) or absent; the result
    is (N, C_out, spatial axes …). Padding is with 0; strides, dilations and groups are 1 by
    default. Computed in the element type of x, float16 or float32.

    Raises:
        NotImplementedError: `pad_type` is neither valid nor custom.
    """
    kernel = arguments.shape_of("weight")[2:]
    sides = padding(arguments, kernel)
    x = padded(arguments.value("x"), sides, arguments.type_of("x").type(0))
    build = ai.conv3d if len(kernel) == 3 else ai.conv2d
    result = build(
        in_plane(x, kernel),
        in_plane(arguments.value("weight"), kernel),
        *_strides(arguments, kernel),
    )
    return _finished(arguments, result, kernel)


def conv_transpose(arguments: Arguments) -> Any:
    """Lower `conv_transpose` of (N, C_in, spatial axes …), with one to three spatial axes.

    `weight` is (C_in, C_out / groups, kernel …), `bias` a constant (C_out,) or absent; the result
    is (N, C_out, spatial axes …). The full result is computed, in the element type of x, and
    cropped by the padding; `output_shape` is not read.

    Raises:
        NotImplementedError: `pad_type` is neither valid nor custom.
    """
    kernel = arguments.shape_of("weight")[2:]
    axes = max(len(kernel), 2)
    none, (strides, dilations, groups) = _vector([0] * axes), _strides(arguments, kernel)
    build = ai.conv_transpose3d if len(kernel) == 3 else ai.conv_transpose2d
    x, weight = (in_plane(arguments.value(key), kernel) for key in ("x", "weight"))
    whole = build(x, weight, strides, none, dilations, none, groups)
    sides = padding(arguments, kernel)
    if len(kernel) == 1:
        sides = [(0, 0), *sides]
    return _finished(arguments, _cut(whole, sides), kernel)


def _cut(x: Any, sides: Sides) -> Any:
    """Crop the spatial axes by (before, after) elements."""
    if not any(map(any, sides)):
        return x
    begins = [0, 0, *(begin for begin, _ in sides)]
    ends = [
        size - end for size, (_, end) in zip(x.type.shape, [(0, 0), (0, 0), *sides], strict=True)
    ]
    return ai.slice_(x, _indices(begins), _indices(ends), _indices([1] * len(begins)))


def _strides(arguments: Arguments, kernel: Sequence[int]) -> tuple[Any, Any, Any]:
    """Return strides, dilations and groups, by default 1, as constants."""
    ones = [1] * len(kernel)
    strides, dilations = (arguments.integers(key, ones) for key in ("strides", "dilations"))
    plane = [1] * (len(kernel) == 1)
    groups = np.uint32(arguments.number("groups", 1))
    return _vector([*plane, *strides]), _vector([*plane, *dilations]), constant(groups)


def _finished(arguments: Arguments, result: Any, kernel: Sequence[int]) -> Any:
    """Drop the inserted axis, and add the bias."""
    if len(kernel) == 1:
        result = ai.reshape(result, _indices(arguments.shape))
    if not arguments.has("bias"):
        return result
    bias = arguments.array("bias").reshape(-1, *[1] * len(kernel))
    return ai.broadcasting_add(result, constant(bias))


def _vector(values: Sequence[int]) -> Any:
    return constant(np.asarray(values, np.uint32))


def _indices(values: Sequence[int]) -> Any:
    return np.asarray(values, np.int32)
