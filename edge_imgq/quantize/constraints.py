"""What the integer operators of the targets ask of scales.

The tables follow the TFLite 8-bit quantization specification ("8-bit quantization specification",
section on operators); Core ML and ONNX Runtime accept what satisfies it.
"""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.graph.network import Quantization
from edge_imgq.quantize.ranges import per_tensor

SHARED_SCALE = frozenset(
    {
        "Concat", "DepthToSpace", "SpaceToDepth", "Pad", "Reshape", "Transpose", "Squeeze",
        "Unsqueeze", "Expand", "Slice", "Split", "MaxPool", "Resize", "Min", "Max", "Identity",
        "Flatten", "ReduceMax", "ReduceMin",
    }
)  # fmt: skip
"""Operators that copy or choose integers: input and output have one scale and zero point."""

FIXED_OUTPUT: dict[str, Quantization] = {
    "Tanh": per_tensor(1 / 128, 0),
    "Sigmoid": per_tensor(1 / 256, -128),
    "Softmax": per_tensor(1 / 256, -128),
}
"""Operators whose output range is fixed by the format."""

QUANTIZED_CONSTANTS = frozenset({"Add", "Sub", "Mul", "Div", "Min", "Max", "Concat"})
"""Operators whose float constant operands are tensors like any other. Weights are apart, and so are
the slopes of a PRelu, which computes in float."""

WEIGHT_AXIS: dict[str, int] = {"Conv": 0, "ConvTranspose": 1}
"""Operators with a weight (input 1) and bias (input 2), and the axis of the output channels."""


def is_rounded_anew(value: ir.Value) -> bool:
    """Tell whether storing a value adds noise: what is only copied or added was rounded before."""
    node = value.producer()
    return node is not None and node.op_type not in SHARED_SCALE | {"Add", "Sub"}


def image_quantization(pixel_scale: float) -> Quantization:
    """Return the parameters under which int8 is an 8-bit pixel less 128: no level is lost.

    Args:
        pixel_scale: float value of one level, peak / 255.
    """
    return per_tensor(pixel_scale, -128)
