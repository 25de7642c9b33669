"""Lowering of Erf, which TFLite lacks, to its exact GELU.

GELU(w) = w/2 · (1 + erf(w/√2)), so for any a above 0

    erf(a) = 2 · GELU(√2·a) / (√2·a) − 1.

Erf is odd, so a = |x| and the result is multiplied by x / a. For |x| below MIN_MAGNITUDE, a
is that and x / a interpolates linearly, within a relative 3·10⁻⁷ of erf, and nothing is divided by
0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.export.tflite.operators import activation, elementwise
from edge_imgq.graph.network import Operation, Tensor

if TYPE_CHECKING:
    from edge_imgq.export.tflite.emitter import Emitter

MIN_MAGNITUDE = 2.0**-10

Lowering = Callable[["Emitter", Operation], None]


def error_function(file: Emitter, operation: Operation) -> None:
    """Lower Erf to ABS, MAXIMUM, MUL, GELU, DIV, MUL, SUB, DIV and MUL, computed in float32.

    Elementwise, also in int8 files. Exact in real numbers for |x| from 2⁻¹⁰ on, within a relative
    3·10⁻⁷ below; float32 rounding is added.
    """
    source = operation.operand(0)

    def emit(name: str, lower: Lowering, *inputs: Tensor) -> Tensor:
        result = Tensor(f"{operation.name}/{name}", source.shape)
        lower(file, Operation(name, result.name, inputs, (result,), {}))
        return result

    def number(name: str, value: float) -> Tensor:
        return Tensor(f"{operation.name}/{name}", (), None, np.asarray(value, np.float32))

    size = emit("size", elementwise.absolute, source)
    size = emit("size_above", elementwise.maximum, size, number("least", MIN_MAGNITUDE))
    wide = emit("wide", elementwise.multiply, size, number("root", np.sqrt(2)))
    share = emit("share", elementwise.divide, emit("gelu", activation.gelu, wide), wide)
    twice = emit("twice", elementwise.multiply, share, number("two", 2))
    value = emit("value", elementwise.subtract, twice, number("one", 1))
    sign = emit("sign", elementwise.divide, source, size)
    last = Operation(
        "Mul", operation.name, (sign, value), operation.outputs, {}, operation.activation
    )
    elementwise.multiply(file, last)
