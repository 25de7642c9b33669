"""Published rules of the Neural Engine, and of Core ML on the GPU.

Apple documents types, layouts and flexible shapes, but no list of operators. Everything else comes
from other people's experiments on some chips. An operator without a published statement counts as
not supported, with that reason. Core ML decides on the device, and Xcode's performance report shows
what it decided.
"""

from __future__ import annotations

from edge_imgq.runtime.placement.rules import Accelerator, Node, Row

TYPED = "Apple, coremltools guide, Typed Execution"
QUANTIZED = "Apple, coremltools guide, Optimization: Quantization, Performance"
SURVEY = "hollance/neural-engine, docs/unsupported-layers.md (experiments)"
GUIDE = "ane-guide.readthedocs.io, 4. Capability surface (experiments)"
PLANS = "MLComputePlan of published Whisper packages"

EDGES = frozenset({"cast"})
"""Operators at the image inputs and outputs, which Core ML runs while it converts the pixels."""


def _float16(node: Node) -> str:
    types = {operand.dtype for operand in node.outputs} - {"float16", "int8", "uint8"}
    if not types or node.kind in EDGES:
        return ""
    return f"computes in {', '.join(sorted(types))}; the Neural Engine has float16"


def _at_most_five_axes(node: Node) -> str:
    rank = max(len(operand.shape) for operand in node.outputs)
    return "" if rank <= 5 else f"output of rank {rank}"


def _constant_padding(node: Node) -> str:
    mode = node.options.get("mode", "constant")
    return "" if mode == "constant" else f"pads by {mode}, seen on the processor only"


def rows(source: str, *kinds: str) -> dict[str, Row]:
    """Return rows of a table of rules, without conditions, for several operators.

    Args:
        source: publication that says that the accelerator runs them.
        kinds: names of MIL operators, the keys of the result.
    """
    return dict.fromkeys(kinds, Row(source))


ROWS: dict[str, Row] = {
    **rows(GUIDE, "conv", "conv_transpose", "matmul", "linear"),
    **rows(GUIDE, "relu", "relu6", "leaky_relu", "prelu", "sigmoid", "tanh", "elu", "silu"),
    **rows(GUIDE, "instance_norm", "layer_norm", "batch_norm", "l2_norm"),
    **rows(GUIDE, "avg_pool", "max_pool", "softmax", "transpose"),
    **rows(PLANS, "add", "gelu", "reshape", "squeeze", "expand_dims", "split", "square"),
    **rows(SURVEY, "mul", "concat", "upsample_bilinear", "upsample_nearest_neighbor"),
    **rows(QUANTIZED, "quantize", "dequantize"),
    "cast": Row(TYPED),
    "pad": Row(PLANS, (_constant_padding,)),
}
"""By MIL operator name."""

NEURAL_ENGINE = Accelerator(
    name="Neural Engine",
    basis="what is published of the Neural Engine",
    rows=ROWS,
    missing="nothing is published of it",
    everywhere=Row(TYPED, (_float16, _at_most_five_axes)),
)


def _not_quantized(node: Node) -> str:
    quantizes = node.kind in ("quantize", "dequantize")
    return "the GPU computes on floats, and unpacks int8 while it runs" if quantizes else ""


CORE_ML_GPU = Accelerator(
    name="Core ML, GPU",
    basis="Apple's guide on typed execution",
    rows={},
    missing="",
    default=Row(QUANTIZED, (_not_quantized,)),
)
