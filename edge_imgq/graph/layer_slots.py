"""Slots of the convolutions of a graph, in the form that a TFLite file would give each.

A convolution that keeps the size of its image may be computed in blocks of pixels, which fill more
lanes (`edge_imgq.graph.lanes`); a file takes such a form where it costs less than WORTHWHILE of the
plain one.
"""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.convolution import convolution_of
from edge_imgq.graph.lanes import blocked_input_slots, blocked_output_slots

POSITION = 1250
"""Slots of int8 that a convolution costs at every position, however small it is."""

BLOCKS = (2, 4)
WORTHWHILE = 0.9
"""A form is taken when it costs less than this share of the plain one: the count of lanes is a
model, and every block makes the file insist on multiples of its size."""


def layer_slots(
    node: ir.Node, inputs: int | None = None, outputs: int | None = None, *, quantized: bool = True
) -> float:
    """Return the slots per output position of a convolution, without POSITION.

    Args:
        node: not grouped.
        inputs: channels that it would read; None for its own.
        outputs: channels that it would write; None for its own.
        quantized: whether it computes in int8.
    """
    weight = edit.contents(node.inputs[1])
    channels = (inputs or weight.shape[1], outputs or weight.shape[0])
    kernel, found = weight.shape[2:], convolution_of(node)
    if found is None or found.pads is None or not (found.is_dense and found.keeps_size):
        return blocked_output_slots(kernel, channels, 1, quantized=quantized)
    follower = edit.sole_consumer(node.outputs[0])
    shuffled = follower is not None and follower.op_type == "DepthToSpace"
    plain = blocked_output_slots(kernel, channels, 1, quantized=quantized, shuffled=shuffled)
    blocked = [
        slots
        for block in BLOCKS
        for slots in (
            blocked_output_slots(kernel, channels, block, quantized=quantized, shuffled=shuffled),
            blocked_input_slots(kernel, found.pads[:2], channels, block, quantized=quantized),
        )
    ]
    least = min(blocked)
    return least if least < WORTHWHILE * plain else plain
