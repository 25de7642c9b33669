"""What the integer operators of the targets ask of scales.

The tables follow the TFLite 8-bit quantization specification ("8-bit quantization specification",
section on operators); Core ML and ONNX Runtime accept what satisfies it.
"""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.network import Quantization
from edge_imgq.graph.operators import ROWS, operators
from edge_imgq.quantize.ranges.ranges import per_tensor

SHARED_SCALE = operators(lambda row: row.copies_integers)
"""Operators that copy or choose integers: input and output have one scale and zero point."""

FIXED_OUTPUT = {
    row.name: per_tensor(*row.fixed_output) for row in ROWS if row.fixed_output is not None
}
"""Operators whose output range is fixed by the format."""

QUANTIZED_CONSTANTS = operators(lambda row: row.quantizes_constants)
"""Operators whose float constant operands are tensors like any other. Weights are apart, and so are
the slopes of a PRelu, which computes in float."""


def is_rounded_anew(value: ir.Value) -> bool:
    """Tell whether storing a value adds noise: what is only copied or added was rounded before."""
    node = value.producer()
    if node is None:
        return False
    return is_marked(node) or node.op_type not in SHARED_SCALE | {"Add", "Sub"}


def image_quantization(pixel_scale: float) -> Quantization:
    """Return the parameters under which int8 is an 8-bit pixel less 128: no level is lost.

    Args:
        pixel_scale: float value of one level, peak / 255.
    """
    return per_tensor(pixel_scale, -128)
