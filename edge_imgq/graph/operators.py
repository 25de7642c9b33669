"""The properties of every ONNX operator, in one table.

Passes, the quantizer and the writers select operators by these properties. Sets of operators are
derived from this table, here or where they are used. Tables of functions, one per operator, stay
in their modules; `tests/graph/test_operator_tables.py` compares them with this one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Operator:
    """One ONNX operator. Properties default to False.

    Attributes:
        name: operator type.
        elementwise: computes each element from the operands' elements at the same index.
        broadcasts: has several operands, which are broadcast to a common shape.
        affine: has two operands, and is a · x + b of the first if the second is constant.
        logical: reads or returns booleans.
        homogeneous: f(e · x) = e · f(x) for e > 0, with all operands scaled alike.
        bounded: saturates, or nearly, below some input, above some input, or both.
        moves: copies elements of its first operand to other indices and combines none; it may
            repeat or omit some, and insert those of other operands or a fill value.
        reshapes: moves, and keeps the row-major order of the elements.
        copies_integers: copies or selects integers, so that input and output share one scale.
        reduces: combines all elements along the axes given by an input or attribute.
        window: computes from a window of `kernel_shape` that slides over the image.
        pools: combines elements of each channel separately, in windows or over the whole image.
        weight_axis: axis of the output channels of its weight, input 1; None without a weight.
        fuses_clip: absorbs a following clip at no cost, in every target format.
        quantizes_constants: has float constants that are quantized like activations. Weights do not
            count, nor do the slopes of PRelu, which computes in float.
        fixed_output: scale and zero point of its int8 result, if the formats prescribe them.
        quantizes: converts real numbers to integers, or integers to real numbers.
    """

    name: str
    elementwise: bool = False
    broadcasts: bool = False
    affine: bool = False
    logical: bool = False
    homogeneous: bool = False
    bounded: bool = False
    moves: bool = False
    reshapes: bool = False
    copies_integers: bool = False
    reduces: bool = False
    window: bool = False
    pools: bool = False
    weight_axis: int | None = None
    fuses_clip: bool = False
    quantizes_constants: bool = False
    fixed_output: tuple[float, int] | None = None
    quantizes: bool = False


ROWS = (
    # One operand, element by element
    Operator("Abs", elementwise=True, homogeneous=True),
    Operator("Acos", elementwise=True),
    Operator("Acosh", elementwise=True),
    Operator("Asin", elementwise=True),
    Operator("Asinh", elementwise=True),
    Operator("Atan", elementwise=True, bounded=True),
    Operator("Atanh", elementwise=True),
    Operator("Cast", elementwise=True),
    Operator("CastLike", elementwise=True),
    Operator("Ceil", elementwise=True),
    Operator("Celu", elementwise=True, bounded=True),
    Operator("Clip", elementwise=True, bounded=True),
    Operator("Cos", elementwise=True),
    Operator("Cosh", elementwise=True),
    Operator("Dropout", elementwise=True, homogeneous=True, moves=True, copies_integers=True),
    Operator("Elu", elementwise=True, bounded=True),
    Operator("Erf", elementwise=True, bounded=True),
    Operator("Exp", elementwise=True, bounded=True),
    Operator("Floor", elementwise=True),
    Operator("Gelu", elementwise=True, bounded=True),
    Operator("HardSigmoid", elementwise=True, bounded=True),
    Operator("HardSwish", elementwise=True, bounded=True),
    Operator("Identity", elementwise=True, homogeneous=True, moves=True, copies_integers=True),
    Operator("IsInf", elementwise=True, logical=True),
    Operator("IsNaN", elementwise=True, logical=True),
    Operator("LeakyRelu", elementwise=True, homogeneous=True),
    Operator("Log", elementwise=True),
    Operator("Mish", elementwise=True, bounded=True),
    Operator("Neg", elementwise=True, homogeneous=True),
    Operator("Not", elementwise=True, logical=True),
    Operator("Reciprocal", elementwise=True, bounded=True),
    Operator("Relu", elementwise=True, homogeneous=True, bounded=True),
    Operator("Round", elementwise=True),
    Operator("Selu", elementwise=True, bounded=True),
    Operator("Shrink", elementwise=True),
    Operator("Sigmoid", elementwise=True, bounded=True, fixed_output=(1 / 256, -128)),
    Operator("Sign", elementwise=True, bounded=True),
    Operator("Sin", elementwise=True),
    Operator("Sinh", elementwise=True),
    Operator("Softplus", elementwise=True, bounded=True),
    Operator("Softsign", elementwise=True, bounded=True),
    Operator("Sqrt", elementwise=True),
    Operator("Swish", elementwise=True, bounded=True),
    Operator("Tan", elementwise=True),
    Operator("Tanh", elementwise=True, bounded=True, fixed_output=(1 / 128, 0)),
    Operator("ThresholdedRelu", elementwise=True, bounded=True),
    # Several operands, element by element
    Operator("Add", elementwise=True, broadcasts=True, affine=True, homogeneous=True,
             fuses_clip=True, quantizes_constants=True),
    Operator("And", elementwise=True, broadcasts=True, logical=True),
    Operator("Div", elementwise=True, broadcasts=True, affine=True, fuses_clip=True,
             quantizes_constants=True),
    Operator("Equal", elementwise=True, broadcasts=True, logical=True),
    Operator("Greater", elementwise=True, broadcasts=True, logical=True),
    Operator("GreaterOrEqual", elementwise=True, broadcasts=True, logical=True),
    Operator("Less", elementwise=True, broadcasts=True, logical=True),
    Operator("LessOrEqual", elementwise=True, broadcasts=True, logical=True),
    Operator("Max", elementwise=True, broadcasts=True, homogeneous=True, bounded=True,
             copies_integers=True, quantizes_constants=True),
    Operator("Mean", elementwise=True, broadcasts=True, homogeneous=True),
    Operator("Min", elementwise=True, broadcasts=True, homogeneous=True, bounded=True,
             copies_integers=True, quantizes_constants=True),
    Operator("Mod", elementwise=True, broadcasts=True, homogeneous=True),
    Operator("Mul", elementwise=True, broadcasts=True, affine=True, fuses_clip=True,
             quantizes_constants=True),
    Operator("Or", elementwise=True, broadcasts=True, logical=True),
    Operator("PRelu", elementwise=True),
    Operator("Pow", elementwise=True, broadcasts=True),
    Operator("Sub", elementwise=True, broadcasts=True, affine=True, homogeneous=True,
             fuses_clip=True, quantizes_constants=True),
    Operator("Sum", elementwise=True, broadcasts=True, homogeneous=True),
    Operator("Where", elementwise=True, broadcasts=True),
    Operator("Xor", elementwise=True, broadcasts=True, logical=True),
    # Other places for the same elements
    Operator("Concat", homogeneous=True, moves=True, copies_integers=True,
             quantizes_constants=True),
    Operator("DepthToSpace", homogeneous=True, moves=True, copies_integers=True),
    Operator("Expand", homogeneous=True, moves=True, copies_integers=True),
    Operator("Flatten", homogeneous=True, moves=True, reshapes=True, copies_integers=True),
    Operator("Gather", homogeneous=True, moves=True, copies_integers=True),
    Operator("GatherElements", homogeneous=True, moves=True, copies_integers=True),
    Operator("GatherND", homogeneous=True, moves=True, copies_integers=True),
    Operator("Pad", moves=True, copies_integers=True),
    Operator("Reshape", homogeneous=True, moves=True, reshapes=True, copies_integers=True),
    Operator("Slice", homogeneous=True, moves=True, copies_integers=True),
    Operator("SpaceToDepth", homogeneous=True, moves=True, copies_integers=True),
    Operator("Split", homogeneous=True, moves=True, copies_integers=True),
    Operator("Squeeze", homogeneous=True, moves=True, reshapes=True, copies_integers=True),
    Operator("Tile", homogeneous=True, moves=True, copies_integers=True),
    Operator("Transpose", homogeneous=True, moves=True, copies_integers=True),
    Operator("Unsqueeze", homogeneous=True, moves=True, reshapes=True, copies_integers=True),
    # Many elements to one
    Operator("ArgMax", reduces=True),
    Operator("ArgMin", reduces=True),
    Operator("AveragePool", homogeneous=True, window=True, pools=True),
    Operator("CumSum", homogeneous=True),
    Operator("GlobalAveragePool", homogeneous=True, pools=True),
    Operator("GlobalLpPool", homogeneous=True, pools=True),
    Operator("GlobalMaxPool", homogeneous=True, pools=True, copies_integers=True),
    Operator("LpPool", homogeneous=True, window=True, pools=True),
    Operator("MaxPool", homogeneous=True, window=True, pools=True, copies_integers=True),
    Operator("ReduceL1", homogeneous=True, reduces=True),
    Operator("ReduceL2", homogeneous=True, reduces=True),
    Operator("ReduceLogSum", reduces=True),
    Operator("ReduceLogSumExp", reduces=True),
    Operator("ReduceMax", homogeneous=True, reduces=True, copies_integers=True),
    Operator("ReduceMean", homogeneous=True, reduces=True),
    Operator("ReduceMin", homogeneous=True, reduces=True, copies_integers=True),
    Operator("ReduceProd", reduces=True),
    Operator("ReduceSum", homogeneous=True, reduces=True),
    Operator("ReduceSumSquare", reduces=True),
    Operator("Resize", homogeneous=True, copies_integers=True),
    # Weights and products
    Operator("Conv", window=True, weight_axis=0, fuses_clip=True),
    Operator("ConvTranspose", window=True, weight_axis=1, fuses_clip=True),
    Operator("Einsum"),
    Operator("Gemm", fuses_clip=True),
    Operator("MatMul"),
    # Norms
    Operator("BatchNormalization"),
    Operator("GroupNormalization"),
    Operator("Hardmax"),
    Operator("InstanceNormalization"),
    Operator("LRN"),
    Operator("LayerNormalization"),
    Operator("LogSoftmax"),
    Operator("LpNormalization"),
    Operator("RMSNormalization"),
    Operator("Softmax", fixed_output=(1 / 256, -128)),
    # Quantization
    Operator("DequantizeLinear", quantizes=True),
    Operator("QuantizeLinear", quantizes=True),
)  # fmt: skip

OPERATORS = {row.name: row for row in ROWS}
"""Every operator that the product knows, by name."""


def operators(has: Callable[[Operator], object]) -> frozenset[str]:
    """Return the names of the operators in the table whose row satisfies a predicate."""
    return frozenset(row.name for row in ROWS if has(row))


ELEMENTWISE = operators(lambda row: row.elementwise)
BROADCASTING = operators(lambda row: row.broadcasts)
SINGLE = ELEMENTWISE - BROADCASTING - {"PRelu"}
"""Operators that compute each element from one element; other inputs are scalars, or absent."""

AFFINE = operators(lambda row: row.affine)
LOGICAL = operators(lambda row: row.logical)
MOVING = operators(lambda row: row.moves)
RESHAPING = operators(lambda row: row.reshapes)
REDUCING = operators(lambda row: row.reduces)
WINDOWED = operators(lambda row: row.window)
QUANTIZING = operators(lambda row: row.quantizes)

WEIGHT_AXIS = {row.name: row.weight_axis for row in ROWS if row.weight_axis is not None}
"""Axis of the weight's output channels, by operator with a weight (input 1) and bias (input 2)."""
