"""Equalise channel magnitudes before an instance normalisation, so that one int8 scale fits all.

Instance normalisation subtracts the mean and divides by the deviation of each channel, so a factor
or offset per channel of the preceding convolution cancels. With t = 1 / ‖W_c‖,

    norm(W·x + b; ε) = norm(t·W·x; t²·ε).

The channels then have similar magnitudes and lose less to their common scale.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.operators import WEIGHT_AXIS


def scale_producer(graph: ir.Graph, node: ir.Node) -> Any:
    """Scale each output channel of the convolution before a norm to weights of L2 norm 1.

    Its bias becomes zeros. The norm cancels factor and bias, so the result is exact in real numbers
    if the caller multiplies ε by t² per channel, t = 1 / ‖W_c‖.

    Args:
        graph: edited in place.
        node: InstanceNormalization, or another norm of each channel by itself, that alone reads the
            convolution.

    Returns:
        t, float64 (channels,); None, with the graph unchanged, if no such convolution with constant
        weights precedes the node, a channel has only zero weights, or it is a grouped
        ConvTranspose.
    """
    source = node.inputs[0]
    producer = edit.find_producer(source)
    if source is None or producer is None or producer.op_type not in WEIGHT_AXIS:
        return None
    constants = [value for value in producer.inputs[1:] if value is not None]
    if edit.sole_consumer(source) is not node or not all(map(edit.is_constant, constants)):
        return None
    if producer.op_type == "ConvTranspose" and producer.attributes.get_int("group", 1) != 1:
        return None
    weight = edit.contents(constants[0])
    axis = WEIGHT_AXIS[producer.op_type]
    others = tuple(index for index in range(weight.ndim) if index != axis)
    size = np.sqrt(np.square(weight.astype(np.float64)).sum(axis=others))
    if not np.all(size):
        return None
    shape = [-1 if index == axis else 1 for index in range(weight.ndim)]
    scaled = (weight / size.reshape(shape)).astype(np.float32)
    name = f"{producer.name}.unit"
    producer.replace_input_with(1, edit.add_constant(graph, f"{name}.weight", scaled))
    if len(constants) > 1:
        zeros = np.zeros(len(size), np.float32)
        producer.replace_input_with(2, edit.add_constant(graph, f"{name}.bias", zeros))
    return 1 / size
