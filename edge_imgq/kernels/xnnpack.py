"""Properties of XNNPACK's kernels on all processors."""

from __future__ import annotations

FRACTIONS = 256
"""XNNPACK's int8-to-int8 QUANTIZE and its LEAKY_RELU multiply by integers over this number. It is
in no profile, because a file has the same bits on every processor."""

NO_INTEGER_KERNEL = frozenset(
    {
        "Abs", "And", "Cast", "Ceil", "Cos", "Div", "Elu", "Equal", "Erf", "Exp", "Floor", "Gelu",
        "Greater", "GreaterOrEqual", "HardSwish", "Less", "LessOrEqual", "Log", "MatMul", "Neg",
        "Not", "Or", "PRelu", "Pow", "Reciprocal", "Round", "Sign", "Sin", "Softmax", "Sqrt",
        "Where", "Xor",
    }
)  # fmt: skip
"""Operators that take and return int8 and compute in float in between; booleans stay booleans.
HardSwish, PRelu and Softmax have integer kernels, but not in XNNPACK: in float between conversions
HardSwish takes half the time, Softmax three quarters. MAXIMUM and MINIMUM are faster in int8,
although they split the partition."""

TABLED = frozenset(
    {
        "Abs", "Ceil", "Cos", "Elu", "Exp", "Floor", "Gelu", "HardSwish", "Log", "Neg",
        "Reciprocal", "Sign", "Sin", "Sqrt",
    }
)  # fmt: skip
"""One-input operators in float between two conversions that XNNPACK replaces by a lookup table."""

MAX_MULTIPLIER = 255.0
"""Largest input scale × weight scale / output scale of a convolution or matrix product. XNNPACK
refuses to open a file where it is 2⁸ or more."""

MIN_SUM_RATIO = 2.0**-10
"""Smallest operand scale / result scale of an int8 sum. XNNPACK leaves smaller ones to TFLite's own
kernels."""

MAX_SUM_RATIO = 255.0
"""Largest operand scale / result scale of an int8 sum. From 2⁸ on XNNPACK leaves it to TFLite's own
kernels."""

DEPTHWISE_TAPS = 25
"""Most taps of XNNPACK's one-pass kernels (src/f32-dwconv and src/qs8-qc8w-dwconv, "25p")."""
