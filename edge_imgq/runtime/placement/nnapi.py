"""Rules of TensorFlow Lite's NNAPI delegate at feature level 1.3: Android 11 and later.

NNAPI is deprecated since Android 15, and a driver may refuse what the delegate passes on.
"""

from __future__ import annotations

from edge_imgq.runtime.placement.gpu import at_most
from edge_imgq.runtime.placement.rules import Accelerator, Condition, Node, Row

VALIDATE = "tensorflow/lite/delegates/nnapi/nnapi_delegate.cc, NNAPIDelegateKernel::Validate"
QUANTIZED = frozenset({"int8", "uint8"})


def typed(*types: str) -> Condition:
    """Return a condition that the first computed input has one of these dtypes.

    An operator without computed inputs is judged by its first input. The reason otherwise is, e.g.,
    "input of int32".

    Args:
        types: names such as "int8".
    """

    def check(node: Node) -> str:
        operand = node.computed[0] if node.computed else node.operand(0)
        return "" if operand.dtype in types else f"input of {operand.dtype}"

    return check


def _biased(node: Node) -> str:
    return "" if len(node.inputs) == 3 and node.inputs[2] is not None else "no bias"


def _fused(node: Node) -> str:
    return "an activation is fused" if node.options.get("fusedActivationFunction") else ""


def _rank(node: Node) -> str:
    rank = len(node.operand(0).shape)
    return "" if rank <= 4 else f"input of rank {rank}, takes 4"


def _constant(index: int) -> Condition:
    """Return a condition that the input at `index` is a constant."""

    def check(node: Node) -> str:
        return "" if node.operand(index).constant else f"input {index} is computed"

    return check


EITHER = typed("float32", "int8", "uint8")
FLOAT = typed("float32")


def row(*conditions: Condition) -> Row:
    """Return a row of rules: NNAPI runs the operator if all conditions hold.

    Its source is the delegate's own `Validate` function.
    """
    return Row(VALIDATE, conditions)


ROWS: dict[str, Row] = {
    "ADD": row(at_most(2), EITHER),
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D"), row(at_most(2), EITHER)),
    "MUL": row(at_most(2), EITHER),
    "CONV_2D": row(at_most(5), _biased),
    "DEPTHWISE_CONV_2D": row(at_most(3)),
    "FULLY_CONNECTED": row(at_most(5)),
    "HARD_SWISH": row(EITHER),
    "SOFTMAX": row(at_most(2), EITHER, _rank),
    "RESHAPE": row(at_most(1), EITHER, _constant(1)),
    **dict.fromkeys(
        ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), row(at_most(3), EITHER, _constant(1))
    ),
    "CONCATENATION": row(at_most(2), EITHER, _fused, _rank),
    "DEQUANTIZE": row(at_most(2), typed("int8", "uint8")),
    **dict.fromkeys(("RELU", "RELU6", "RELU_N1_TO_1", "LOGISTIC", "TANH"), row(at_most(2), EITHER)),
    "SUB": row(at_most(3), EITHER, _rank),
    "DIV": row(at_most(1), FLOAT),
    **dict.fromkeys(("PAD", "PADV2"), row(at_most(2), EITHER)),
    "STRIDED_SLICE": row(at_most(2)),
    "TRANSPOSE": row(at_most(2), _constant(1)),
    **dict.fromkeys(("ABS", "EXP", "LOG", "POW", "RSQRT", "SQRT"), row(at_most(1), FLOAT)),
    "SLICE": row(at_most(2), EITHER),
    "TRANSPOSE_CONV": row(at_most(3), _constant(0), _constant(1)),
    "SPACE_TO_DEPTH": row(at_most(2), EITHER),
    "DEPTH_TO_SPACE": row(EITHER),
    "MEAN": row(at_most(2), EITHER),
    **dict.fromkeys(("MAXIMUM", "MINIMUM"), row(at_most(3), EITHER)),
    **dict.fromkeys(("LEAKY_RELU", "PRELU"), row(at_most(1), EITHER)),
    "TILE": row(at_most(1), EITHER),
    "NEG": row(at_most(2), FLOAT),
    "SPLIT": row(at_most(3), EITHER, _constant(0)),
    "SPLIT_V": row(at_most(2), EITHER),
    "QUANTIZE": row(at_most(2), EITHER),
    "SUM": row(at_most(1), FLOAT),
    "ELU": row(at_most(1), FLOAT),
    "SQUARED_DIFFERENCE": row(at_most(2), EITHER),
}
"""By TFLite operator name, for NNAPI 1.3."""

NNAPI = Accelerator(
    name="NNAPI 1.3",
    basis="TensorFlow Lite's NNAPI delegate for Android 11",
    rows=ROWS,
    missing="the delegate does not map it",
)
