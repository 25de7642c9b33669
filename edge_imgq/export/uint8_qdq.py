"""A QDQ graph in unsigned bytes: the form that ONNX Runtime computes rightly on every processor.

On x86 without VNNI, ONNX Runtime's integer kernels add pairs of products in 16 bits (vpmaddubsw).
With signed weights a pair reaches 2 · 255 · 127 and is cut off at 32767, without a word. For
unsigned weights they widen first, so nothing is cut off; with VNNI, and on Arm, both kinds run
through the same instructions. The session entry `session.x64quantprecision` does the same to signed
files, where an app sets it.

Adding 128 to integers and zero points changes no real number:

    scale · (q − z)  =  scale · ((q + 128) − (z + 128)).

Activations become unsigned along with the weights: ONNX Runtime fuses no convolution whose input is
signed and whose weight is not.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from edge_imgq.graph.operators import QUANTIZING

OFFSET = 128
"""From int8 to uint8."""


def to_unsigned(model: onnx.ModelProto) -> None:
    """Store every int8 number of a QDQ graph as uint8, in place; what it computes stays the same.

    Args:
        model: float, or QDQ with the zero point of every quantizer given.
    """
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    quantizers = [node for node in graph.node if node.op_type in QUANTIZING]
    names = dict.fromkeys(name for node in quantizers for name in (node.input[0], node.input[2]))
    for tensor in (constants[name] for name in names if name in constants):
        if tensor.data_type == TensorProto.INT8:
            raised = numpy_helper.to_array(tensor).astype(np.int16) + OFFSET
            tensor.CopyFrom(numpy_helper.from_array(raised.astype(np.uint8), tensor.name))
    for value in graph.value_info:
        if value.type.tensor_type.elem_type == TensorProto.INT8:
            value.type.tensor_type.elem_type = TensorProto.UINT8
