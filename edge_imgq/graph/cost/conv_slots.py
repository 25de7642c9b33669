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

    A slot is a multiply-accumulate in a filled lane; the costs are estimates. Dense convolutions
    that keep the image's size have several variants, and a depth-to-space that alone reads the
    result is counted with them. Others have only the plain variant. BLOCKS must divide height and
    width.

    Args:
        node: ungrouped Conv with constant weights.
        kernels: kernel profile of the target processor.
        inputs: assumed input channels; None for the node's.
        outputs: assumed output channels; None for the node's.
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
    """Return the int8 cost of a convolution in kernel slots per output position.

    It is that of the cheapest variant, with the profile's fixed cost per position; an estimate.

    Args:
        node: ungrouped Conv with constant weights.
        kernels: kernel profile of the target processor.
        inputs: assumed input channels; None for the node's.
        outputs: assumed output channels; None for the node's.
    """
    return kernels.position + conv_rewrite(node, kernels, inputs, outputs).slots
