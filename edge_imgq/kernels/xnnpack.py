"""What XNNPACK's kernels are on every processor, whatever its instructions."""

from __future__ import annotations

FRACTIONS = 256
"""Its QUANTIZE between integers and its LEAKY_RELU multiply by whole numbers of such parts. A file
has the same bits on every processor, so this is in no profile."""

NO_INTEGER_KERNEL = frozenset(
    {
        "Abs", "And", "Cast", "Ceil", "Cos", "Div", "Elu", "Equal", "Erf", "Exp", "Floor", "Gelu",
        "Greater", "GreaterOrEqual", "HardSwish", "Less", "LessOrEqual", "Log", "MatMul", "Neg",
        "Not", "Or", "PRelu", "Pow", "Reciprocal", "Sign", "Sin", "Softmax", "Sqrt",
        "Where", "Xor",
    }
)  # fmt: skip
"""Operators that take and return int8 and compute in float in between; truth values stay such.
HardSwish, PRelu and Softmax have integer kernels, but not in XNNPACK: in float between conversions
HardSwish takes half the time, Softmax three quarters. MAXIMUM and MINIMUM are quicker as integers,
though they part the network."""

TABLED = frozenset(
    {
        "Abs", "Ceil", "Cos", "Elu", "Exp", "Floor", "Gelu", "HardSwish", "Log", "Neg",
        "Reciprocal", "Sign", "Sin", "Sqrt",
    }
)  # fmt: skip
"""Operators of one tensor in float between two conversions that XNNPACK makes one table of."""

DEPTHWISE_TAPS = 25
"""Most taps of XNNPACK's one-pass kernels (src/f32-dwconv and src/qs8-qc8w-dwconv, "25p")."""
