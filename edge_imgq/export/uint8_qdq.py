"""Conversion of a QDQ graph from int8 to uint8, which ONNX Runtime computes correctly on every CPU.

On x86 without VNNI, ONNX Runtime's integer kernels add pairs of products in 16 bits (vpmaddubsw).
With signed weights a pair reaches 2 · 255 · 127 and saturates silently at 32767. With unsigned
weights the kernels widen first, so nothing saturates. With VNNI, and on Arm, both types use the
same instructions. The session entry `session.x64quantprecision` has the same effect on signed
files, but every app would have to set it.

Adding 128 to the integers and zero points changes no real number:

    scale · (q − z)  =  scale · ((q + 128) − (z + 128)).

Activations become unsigned as well: ONNX Runtime fuses no convolution with a signed input and
unsigned weights.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from edge_imgq.graph.operators import QUANTIZING

OFFSET = 128
"""Difference between the uint8 and the int8 code of a value."""


def to_unsigned(model: onnx.ModelProto) -> None:
    """Convert every int8 tensor of a QDQ graph to uint8, in place.

    The real numbers that the graph computes are unchanged, exactly: int8 constants that are
    quantized, and zero points, are raised by 128. int32 biases stay. A float graph is not changed.

    Args:
        model: float graph, or QDQ graph in which every quantizer has a zero point.
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
