"""Rules of TensorFlow Lite's GPU delegate (OpenCL and OpenGL on Android, Metal on iOS).

Read from TensorFlow's source, in its versions of 2020 to 2025. Where versions differ, the older
rule applies, because an app keeps the delegate that it was built with.
"""

from __future__ import annotations

from edge_imgq.runtime.placement.rules import Accelerator, Condition, Node, Row

COMPATIBILITY = "tensorflow/lite/tools/versioning/gpu_compatibility.cc"
BUILDER = "tensorflow/lite/delegates/gpu/common/model_builder.cc"
PADDING = "tensorflow/lite/delegates/gpu/common/operations.cc, CalculateSamePadding"
SAME = 0


def at_most(version: int) -> Condition:
    """Return a condition that the version of the TFLite operator is at most `version`.

    Its reason otherwise is, e.g., "version 6, takes 5".
    """

    def check(node: Node) -> str:
        return "" if node.version <= version else f"version {node.version}, takes {version}"

    return check


def _one_computed(node: Node) -> str:
    return "" if len(node.computed) == 1 else f"{len(node.computed)} computed inputs, takes 1"


def _at_most_two_computed(node: Node) -> str:
    return "" if len(node.computed) <= 2 else f"{len(node.computed)} computed inputs, takes 2"


def _two_inputs(node: Node) -> str:
    return "" if len(node.inputs) == 2 else f"{len(node.inputs)} inputs, takes 2"


def _image(node: Node) -> str:
    rank = len(node.operand(0).shape)
    return "" if rank in (3, 4) else f"input of rank {rank}, takes 3 and 4"


def _single_multiplier(node: Node) -> str:
    multiplier, channels = node.options.get("depthMultiplier", 1), node.operand(0).shape[-1]
    refused = multiplier != 1 and channels != 1
    return f"multiplier {multiplier} of {channels} channels" if refused else ""


def _reflects(node: Node) -> str:
    return "" if node.options.get("mode", 0) == 0 else "mirrors the edge, takes reflection"


def _broadcasts(node: Node) -> str:
    one, other = node.operand(0).shape, node.operand(1).shape
    if len(one) != len(other) or not one:
        return ""
    crossed = any(a < b for a, b in zip(one, other, strict=True)) and any(
        a > b for a, b in zip(one, other, strict=True)
    )
    return f"neither of {one} and {other} covers the other" if crossed else ""


def _counted_alike(node: Node) -> str:
    """Refuse SAME padding where the delegate and TFLite disagree about it.

    The delegate derives SAME padding from the size of the input, which agrees with TFLite where the
    stride divides that size. Elsewhere it accepts the operator and returns its result shifted by a
    pixel, without a warning.
    """
    if node.options.get("padding") != SAME:
        return ""
    rows, columns = node.operand(2).shape[1:3]
    strides = node.options.get("strideH", 1), node.options.get("strideW", 1)
    alike = rows % strides[0] == 0 and columns % strides[1] == 0
    return "" if alike else f"counts SAME of {rows}x{columns} otherwise, and shifts the result"


def _batch_one(node: Node) -> str:
    batches = {operand.shape[0] for operand in node.computed if len(operand.shape) == 4}
    return "" if batches <= {1} else f"batch {max(batches)}, takes 1"


def _absent_before_2021(_node: Node) -> str:
    return "no parser for it in delegates before 2021; newer ones take it"


ELEMENTWISE = Row(COMPATIBILITY, (_one_computed,))
PAIR = Row(COMPATIBILITY, (_at_most_two_computed, _broadcasts))
POOL = Row(COMPATIBILITY, (_one_computed,))
MOVE = Row(COMPATIBILITY, (_one_computed,))

ROWS: dict[str, Row] = {
    **dict.fromkeys(
        ("ABS", "ELU", "EXP", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOG", "LOGISTIC", "NEG", "PRELU",
         "RELU", "RELU6", "RELU_N1_TO_1", "RSQRT", "SOFTMAX", "SQRT", "SQUARE", "TANH"),
        ELEMENTWISE,
    ),
    **dict.fromkeys(
        ("DIV", "MAXIMUM", "MINIMUM", "POW", "SQUARED_DIFFERENCE", "SUB"), PAIR
    ),
    "ADD": Row(COMPATIBILITY, (_two_inputs, _broadcasts)),
    "MUL": Row(COMPATIBILITY, (_two_inputs, _broadcasts)),
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D"), POOL),
    "BATCH_MATMUL": Row(COMPATIBILITY, (_two_inputs,)),
    "CONCATENATION": Row(COMPATIBILITY),
    "CONV_2D": Row(BUILDER, (at_most(5), _at_most_two_computed)),
    "DEPTHWISE_CONV_2D": Row(COMPATIBILITY, (_at_most_two_computed, _single_multiplier)),
    "DEPTH_TO_SPACE": Row(BUILDER, (_absent_before_2021,)),
    "DEQUANTIZE": Row(BUILDER),
    "FULLY_CONNECTED": Row(COMPATIBILITY, (_at_most_two_computed,)),
    **dict.fromkeys(("MEAN", "SUM"), Row(COMPATIBILITY, (_one_computed,))),
    **dict.fromkeys(("REDUCE_MAX", "REDUCE_MIN"), Row(BUILDER, (_one_computed,))),
    "MIRROR_PAD": Row(COMPATIBILITY, (_one_computed, _reflects)),
    **dict.fromkeys(("PAD", "PADV2"), Row(COMPATIBILITY, (_one_computed,))),
    "QUANTIZE": Row(COMPATIBILITY, (_one_computed,)),
    **dict.fromkeys(
        ("RESHAPE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "SPACE_TO_DEPTH", "TILE",
         "TRANSPOSE"),
        MOVE,
    ),
    **dict.fromkeys(("SLICE", "STRIDED_SLICE"), Row(COMPATIBILITY, (_image,))),
    **dict.fromkeys(("SPLIT", "SPLIT_V"), Row(COMPATIBILITY)),
    "TRANSPOSE_CONV": Row(f"{BUILDER}; {PADDING}", (at_most(3), _counted_alike)),
}  # fmt: skip
"""By TFLite operator name. Float16 constants after DEQUANTIZE count as constants."""

GPU = Accelerator(
    name="GPU delegate",
    basis="TensorFlow Lite's GPU delegate",
    rows=ROWS,
    missing="the delegate has no parser for it",
    everywhere=Row(BUILDER, (_batch_one,)),
)
