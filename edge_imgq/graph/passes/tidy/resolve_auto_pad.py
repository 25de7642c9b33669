"""Padding that a window leaves to be worked out (`auto_pad`), as numbers.

With span = (kernel − 1) · dilation + 1 and SAME, a window of stride 1 is padded by span − 1, and a
transposed convolution crops span + output padding − stride, the odd pixel at the end for
SAME_UPPER. VALID is no padding. At other strides SAME depends on the size of the image, and stays.
"""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.graph.convolution import attributes_of, padding_in
from edge_imgq.graph.operators import WINDOWED


def resolve_auto_pad(model: ir.Model) -> int:
    """State the padding of every window whose padding no size decides; exact.

    Returns:
        The number of windows.
    """
    return sum(_state(node) for node in model.graph if node.op_type in WINDOWED)


def _state(node: ir.Node) -> bool:
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
