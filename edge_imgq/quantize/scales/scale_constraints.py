"""Constraints of the targets' integer operators on scales and zero points.

The tables follow the TFLite 8-bit quantization specification, section on operators; Core ML and
ONNX Runtime accept graphs that satisfy it.
"""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.network import Quantization
from edge_imgq.graph.operators import ROWS, operators
from edge_imgq.quantize.ranges.ranges import per_tensor

SHARED_SCALE = operators(lambda row: row.copies_integers)
"""Operators that copy or select integers: inputs and output share scale and zero point."""

FIXED_OUTPUT = {
    row.name: per_tensor(*row.fixed_output) for row in ROWS if row.fixed_output is not None
}
"""Operators with an output scale and zero point fixed by the format."""

QUANTIZED_CONSTANTS = operators(lambda row: row.quantizes_constants)
"""Operators whose constant operands are quantized like activations. Weights are handled separately,
and so are the slopes of a PRelu, which computes in float."""


def adds_rounding_noise(value: ir.Value) -> bool:
    """Return True if storing a value as int8 adds rounding noise.

    False for graph inputs and for values that int8 operators only copy or add.
    """
    node = value.producer()
    if node is None:
        return False
    return is_marked(node) or node.op_type not in SHARED_SCALE | {"Add", "Sub"}


def image_quantization(pixel_scale: float) -> Quantization:
    """Return the int8 parameters that store an 8-bit pixel p as p − 128, without loss.

    The scale is `pixel_scale`, rounded to float32, the zero point −128.

    Args:
        pixel_scale: float value of one level, peak / 255.
    """
    return per_tensor(pixel_scale, -128)
