"""Slots of the convolutions of a graph, in the form that a TFLite file would give each.

A convolution that keeps the size of its image may be computed in blocks of pixels, which fill more
lanes (`edge_imgq.graph.lanes`); a file takes such a form where it costs less than WORTHWHILE of the
plain one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.convolution import convolution_of
from edge_imgq.graph.lanes import block_span, blocked_input_slots, blocked_output_slots

POSITION = 1250
"""Slots of int8 that a convolution costs at every position, however small it is."""

BLOCKS = (2, 4)
WORTHWHILE = 0.9
"""A form is taken when it costs less than this share of the plain one: the count of lanes is a
model, and every block makes the file insist on multiples of its size."""


@dataclass(frozen=True)
class LayerForm:
    """What a convolution costs at each position of its output, in the form that a file gives it.

    Attributes:
        slots: multiply-accumulates in filled lanes, and what is moved for them.
        taps: of its kernel.
        places: that the kernel is laid on: one, or fewer where each is for a block of pixels.
    """

    slots: float
    taps: float
    places: float = 1.0


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
    return layer_form(node, inputs, outputs, quantized=quantized).slots


def layer_form(
    node: ir.Node, inputs: int | None = None, outputs: int | None = None, *, quantized: bool = True
) -> LayerForm:
    """Return the form of fewest slots of a convolution; arguments as for `layer_slots`."""
    weight = edit.contents(node.inputs[1])
    channels = (inputs or weight.shape[1], outputs or weight.shape[0])
    kernel, found = weight.shape[2:], convolution_of(node)
    taps = float(prod(kernel))
    if found is None or found.pads is None or not (found.is_dense and found.keeps_size):
        return LayerForm(blocked_output_slots(kernel, channels, 1, quantized=quantized), taps)
    follower = edit.sole_consumer(node.outputs[0])
    shuffled = follower is not None and follower.op_type == "DepthToSpace"
    plain = blocked_output_slots(kernel, channels, 1, quantized=quantized, shuffled=shuffled)
    blocked = _blocked(kernel, found.pads[:2], channels, shuffled, quantized)
    least = min(blocked, key=lambda form: form.slots)
    return least if least.slots < WORTHWHILE * plain else LayerForm(plain, taps)


def _blocked(
    kernel: Sequence[int],
    start: Sequence[int],
    channels: tuple[int, int],
    shuffled: bool,
    quantized: bool,
) -> Iterator[LayerForm]:
    for block in BLOCKS:
        places = 1 / block**2
        slots = blocked_output_slots(
            kernel, channels, block, quantized=quantized, shuffled=shuffled
        )
        taps = prod(side + block - 1 for side in kernel)
        yield LayerForm(slots, taps * places, places)
        slots = blocked_input_slots(kernel, start, channels, block, quantized=quantized)
        spans = (block_span(*pair, block) for pair in zip(kernel, start, strict=True))
        taps = prod(last - first + 1 for first, last in spans)
        yield LayerForm(slots, taps * places, places)
