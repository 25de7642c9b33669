"""What a convolution of a graph costs, in the form that a TFLite file would give it."""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.convolution import convolution_of
from edge_imgq.graph.cost.conv_cost import ConvRewrite, ConvShape, cheapest_rewrite, no_rewrite
from edge_imgq.kernels.profile import KernelProfile


def conv_rewrite(
    node: ir.Node,
    kernels: KernelProfile,
    inputs: int | None = None,
    outputs: int | None = None,
    *,
    quantized: bool = True,
) -> ConvRewrite:
    """Return the form of fewest slots of a convolution.

    Args:
        node: not grouped.
        kernels: of the processor that the file is for.
        inputs: channels that it would read; None for its own.
        outputs: channels that it would write; None for its own.
        quantized: whether it computes in int8.
    """
    weight, found = edit.contents(node.inputs[1]), convolution_of(node)
    channels = (inputs or weight.shape[1], outputs or weight.shape[0])
    if found is None or found.pads is None or not (found.is_dense and found.keeps_size):
        return no_rewrite(ConvShape(weight.shape[2:], (0, 0), *channels, quantized), kernels)
    follower = edit.sole_consumer(node.outputs[0])
    shuffled = follower is not None and follower.op_type == "DepthToSpace"
    layer = ConvShape(weight.shape[2:], found.pads[:2], *channels, quantized, shuffled)
    return cheapest_rewrite(layer, kernels)


def mac_slots(
    node: ir.Node,
    kernels: KernelProfile,
    inputs: int | None = None,
    outputs: int | None = None,
) -> float:
    """Return its slots per output position in int8, with what every position costs.

    Arguments are those of `conv_rewrite`.
    """
    return kernels.position + conv_rewrite(node, kernels, inputs, outputs).slots
