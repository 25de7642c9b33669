"""Replace `auto_pad` by explicit pads.

With span = (kernel − 1) · dilation + 1 and SAME, a window of stride 1 is padded by span − 1 in
total; a transposed convolution crops span + output_padding − stride. SAME_UPPER adds an odd pixel
at the end, SAME_LOWER at the beginning. VALID means no padding. At other strides SAME depends on
the image size, so it stays.
"""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.graph.convolution import attributes_of, padding_in
from edge_imgq.graph.operators import WINDOWED


def resolve_auto_pad(model: ir.Model) -> int:
    """Replace `auto_pad` of convolutions and pools by the pads that it means; bit-exact.

    Windows of unknown kernel size, and SAME padding with a stride above 1, whose pads depend on the
    image's size, are left unchanged. Transposed convolutions are rewritten at any stride, unless
    they state `output_shape`.

    Args:
        model: edited in place.

    Returns:
        The number of windows rewritten.
    """
    return sum(_replace_auto_pad(node) for node in model.graph if node.op_type in WINDOWED)


def _replace_auto_pad(node: ir.Node) -> bool:
    if node.attributes.get_string("auto_pad", "NOTSET") == "NOTSET":
        return False
    weight, attributes = node.inputs[1] if len(node.inputs) > 1 else None, attributes_of(node)
    kernel = attributes.get("kernel_shape")
    if kernel is None and weight is not None and weight.shape is not None:
        kernel = weight.shape.numpy()[2:] if weight.shape.is_static() else None
    pads = None if kernel is None else padding_in(node.op_type, attributes, kernel)
    if pads is None:
        return False
    node.attributes.pop("auto_pad", None)
    node.attributes["pads"] = ir.AttrInt64s("pads", list(pads))
    return True
