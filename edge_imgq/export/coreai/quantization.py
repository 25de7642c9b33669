"""Lowering of int8 quantization to Core AI: real value = scale × (integer − zero point).

Scale and zero point are constants: scalars, or vectors along `axis`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_imgq.export.coreai.activation import clipped
from edge_imgq.export.coreai.arguments import Arguments, ai, constant

INT8_LOW, INT8_HIGH = -128, 127
"""Range of int8, the type of quantized activations."""


def quantize(arguments: Arguments) -> Any:
    """Lower `quantize` of `input` to int8: round(input / scale), half to even, plus zero point.

    The result saturates at −128 and 127. The product of two computed values is first clipped to the
    representable range. That changes no result except on the Neural Engine, which otherwise returns
    products off by a ratio of scales (github.com/apple/coreai-torch, issue 112). A missing zero
    point is 0.
    """
    x = arguments.value("input")
    if _is_product(arguments.operation.inputs["input"]):
        x = clipped(arguments, "input", x, *_reach(arguments))
    return ai.quantize(x, *_affine(arguments, "input", np.int8))


def _is_product(variable: Any) -> bool:
    """Return True if a variable is the product of two computed values."""
    made = variable.op
    return made is not None and made.op_type == "mul" and made.x.val is None and made.y.val is None


def _reach(arguments: Arguments) -> tuple[float, float]:
    """Return the real values of the smallest and the largest integer."""
    zero = float(arguments.array("zero_point")) if arguments.has("zero_point") else 0.0
    scale = arguments.number("scale")
    return (INT8_LOW - zero) * scale, (INT8_HIGH - zero) * scale


def dequantize(arguments: Arguments) -> Any:
    """Lower `dequantize` of the int8 `input` to scale · (input − zero point), in the scale's type.

    The scale is one constant, or one for each index of `axis`; a missing zero point is 0.
    """
    return ai.dequantize(arguments.value("input"), *_affine(arguments, "input", np.int8))


def weights(arguments: Arguments) -> Any:
    """Lower `constexpr_affine_dequantize` of int8 weights, which stay int8 in the file.

    Returns scale · (quantized_data − zero point), in the scale's type; a missing zero point is 0.
    The scale is one number, or one for each index of `axis`.
    """
    data = constant(arguments.array("quantized_data"))
    return ai.dequantize(data, *_affine(arguments, "quantized_data", np.int8))


def _affine(arguments: Arguments, key: str, integer: type[Any]) -> tuple[Any, Any, Any, Any]:
    """Return scale, zero point, an added offset of 0, and the axes of the scale."""
    scale = arguments.array("scale")
    zero = arguments.array("zero_point") if arguments.has("zero_point") else np.zeros((), integer)
    zero = np.broadcast_to(zero, scale.shape).astype(integer)
    axes = np.arange(len(arguments.shape_of(key))) if scale.ndim == 0 else arguments.array("axis")
    parameters = (scale, zero, np.zeros_like(scale), axes.astype(np.int32))
    one, two, three, four = map(constant, parameters)
    return one, two, three, four
