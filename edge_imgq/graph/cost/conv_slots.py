"""What a convolution of a graph costs, in the form that a TFLite file would give it."""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.convolution import convolution_of
from edge_imgq.graph.cost.conv_cost import Layer, LayerForm, cheapest_form, plain_form
from edge_imgq.kernels.profile import KernelProfile


def layer_form(
    node: ir.Node,
    kernels: KernelProfile,
    inputs: int | None = None,
    outputs: int | None = None,
    *,
    quantized: bool = True,
) -> LayerForm:
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
        return plain_form(Layer(weight.shape[2:], (0, 0), *channels, quantized), kernels)
    follower = edit.sole_consumer(node.outputs[0])
    shuffled = follower is not None and follower.op_type == "DepthToSpace"
    layer = Layer(weight.shape[2:], found.pads[:2], *channels, quantized, shuffled)
    return cheapest_form(layer, kernels)


def layer_slots(
    node: ir.Node,
    kernels: KernelProfile,
    inputs: int | None = None,
    outputs: int | None = None,
) -> float:
    """Return its slots per output position in int8, with what every position costs.

    Arguments are those of `layer_form`.
    """
    return kernels.position + layer_form(node, kernels, inputs, outputs).slots
