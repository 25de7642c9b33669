"""Make the QDQ graph round bilinear Resizes as the integer kernels do.

TFLite's integer kernels interpolate with weights of 10 or 11 bits, and XNNPACK rounds the sum half
up. The QDQ graph interpolates in float, and QuantizeLinear rounds half to even. If all weights are
multiples of a power of two, the integer kernels are exact, and float32 is to about 1/30000 of a
level. At scale 2, results are sixteenths of a level and about one in sixteen is a tie. The two
differ only there.

If results are multiples of 1/g of a level,

    round half up (x)  =  round to nearest (x + 1/2g),

because x + 1/2g is never a tie. So the QDQ graph adds 1/2g of a level between the Resize and its
quantizer, which makes the rounding explicit in ONNX Runtime and in files. The graph reader folds
the addition away (`edge_imgq.graph.read_network`), since the kernels round that way.

At other scales the positions do not fit so few bits. TFLite's reference kernel, used where XNNPACK
does not apply, multiplies each output position by a 10-bit spacing and at scale 3 drifts by one
pixel in 3072. Files compute such a Resize in float (`edge_imgq.export.tflite.float_fallback`),
where float rounding decides ties. There both sides add TIE_BREAK of a level, which exceeds the
float32 error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.network import TIE_BREAK, Quantization

FINEST = 1024
"""Largest g, a power of two; float32 resolves 255 levels to about 1/30000."""


def shift_from_ties(graph: ir.Graph, value: ir.Value, parameters: Quantization) -> ir.Value:
    """Add a fraction of a level to the result of a bilinear Resize, so that it is no rounding tie.

    It is 1/(2g) of a level if results are multiples of 1/g (`resize_denominator`), else 2⁻¹³.
    QuantizeLinear, which rounds ties to even, then rounds them up as the integer kernels do. Other
    values, and results without interpolation, are returned unchanged.

    Args:
        graph: graph to which the Add is appended.
        value: float value about to be quantized.
        parameters: its per-tensor quantization parameters.

    Returns:
        The value to quantize.
    """
    node = value.producer()
    if node is None or node.attributes.get_string("mode", "nearest") != "linear":
        return value
    if node.op_type != "Resize" or (denominator := resize_denominator(node)) == 1:
        return value
    shift = parameters.scale[0] * np.float32(
        TIE_BREAK if denominator is None else 1 / (2 * denominator)
    )
    name = f"{value.name}.off_ties"
    number = edit.add_constant(graph, f"{name}.shift", shift)
    added = ir.node("Add", [value, number], name=name)
    graph.append(added)
    output = added.outputs[0]
    output.name, output.shape, output.dtype = name, value.shape, ir.DataType.FLOAT
    return output


def resize_denominator(node: ir.Node) -> int | None:
    """Return g such that a bilinear Resize of integers (N, C, H, W) yields multiples of 1/g.

    None for other operators, for antialiasing, if the scale is not known, and if g is not a power
    of two or greater than 1024. 1 if no numbers are interpolated. The attribute `mode` is not
    looked at.
    """
    grid = node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
    antialias = node.attributes.get_int("antialias", 0)
    if node.op_type != "Resize" or grid not in GRIDS or antialias:
        return None
    denominator = 1
    for axis in (2, 3):
        lengths = _lengths(node, axis)
        positions = GRIDS[grid](*lengths) if lengths is not None else ()
        if not positions:
            return None
        denominator *= max(position.denominator for position in positions)
    return denominator if denominator & (denominator - 1) == 0 and denominator <= FINEST else None


def _lengths(node: ir.Node, axis: int) -> tuple[Fraction, Fraction] | None:
    """Return input and output length of an axis, up to a common factor if sizes are dynamic."""
    source, output = node.inputs[0], node.outputs[0]
    shapes = [value.shape for value in (source, output) if value is not None]
    sizes = [shape[axis] for shape in shapes if shape is not None and len(shape) == 4]
    if len(sizes) == 2 and isinstance(sizes[0], int) and isinstance(sizes[1], int):
        return Fraction(sizes[0]), Fraction(sizes[1])
    scales = node.inputs[2] if len(node.inputs) > 2 else None
    if scales is None or not edit.is_constant(scales) or edit.contents(scales).size != 4:
        return None
    aligned = node.attributes.get_string("coordinate_transformation_mode", "") == "align_corners"
    return None if aligned else (Fraction(1), Fraction(float(edit.contents(scales)[axis])))


def _centred(size: Fraction, output: Fraction) -> tuple[Fraction, ...]:
    """Return spacing and first position of x = (i + ½) · size/output − ½."""
    return size / output, (size / output - 1) / 2


def _cornered(size: Fraction, output: Fraction) -> tuple[Fraction, ...]:
    """Return the spacing of x = i · size/output."""
    return (size / output,)


def _aligned(size: Fraction, output: Fraction) -> tuple[Fraction, ...]:
    """Return the spacing of x = i · (size − 1) / (output − 1)."""
    return ((size - 1) / (output - 1) if output > 1 else Fraction(0),)


GRIDS: Mapping[str, Callable[[Fraction, Fraction], tuple[Fraction, ...]]] = {
    "half_pixel": _centred,
    "pytorch_half_pixel": _centred,
    "asymmetric": _cornered,
    "align_corners": _aligned,
}
"""By coordinate mode: numbers whose integer combinations are all sampling positions."""
