"""Cost of a graph's convolution node, in the variant that a TFLite file would use."""

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
    """Return the variant of a convolution node that costs the fewest slots per output position.

    A slot is one multiply-accumulate of the kernel's tiles, idle lanes included; costs are
    estimates. Dense convolutions that keep the image's size have several variants, of which one in
    blocks is returned only if it costs below 0.9 of the plain one; a DepthToSpace that alone reads
    the result is counted with them. Others have only the plain variant. Height and width are
    assumed to be multiples of 4.

    Args:
        node: ungrouped Conv with constant weights.
        kernels: kernel profile of the target processor.
        inputs: assumed input channels; None for the node's.
        outputs: assumed output channels; None for the node's.
        quantized: whether it computes in int8.
    """
    weight, convolution = edit.contents(node.inputs[1]), convolution_of(node)
    channels = (inputs or weight.shape[1], outputs or weight.shape[0])
    if (
        convolution is None
        or convolution.pads is None
        or not (convolution.is_dense and convolution.keeps_size)
    ):
        return no_rewrite(ConvShape(weight.shape[2:], (0, 0), *channels, quantized), kernels)
    follower = edit.sole_consumer(node.outputs[0])
    shuffled = follower is not None and follower.op_type == "DepthToSpace"
    layer = ConvShape(weight.shape[2:], convolution.pads[:2], *channels, quantized, shuffled)
    return cheapest_rewrite(layer, kernels)


def mac_slots(
    node: ir.Node,
    kernels: KernelProfile,
    inputs: int | None = None,
    outputs: int | None = None,
) -> float:
    """Return the estimated int8 cost of a convolution, in slots per output position.

    A slot is one multiply-accumulate of the kernel's tiles, idle lanes included. The cost is that
    of `conv_rewrite`'s variant plus the profile's fixed cost per position.

    Args:
        node: ungrouped Conv with constant weights.
        kernels: kernel profile of the target processor.
        inputs: assumed input channels; None for the node's.
        outputs: assumed output channels; None for the node's.
    """
    return kernels.position + conv_rewrite(node, kernels, inputs, outputs).slots
