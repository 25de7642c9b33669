"""Convert CRD pixel shuffles to DCR by permuting the channels that feed them.

PyTorch's pixel shuffle (CRD) reads input channel c·s² + φ for output channel c and phase φ.
TFLite's DEPTH_TO_SPACE (DCR) reads φ·C + c. The permutation of the preceding convolution's output
channels is free at run time:

    W'[φ·C + c] = W[c·s² + φ].

Activations pass the permutation on, sums and products pass it to both operands and permute their
constants, and a depthwise convolution passes it to its input. A concatenation of one image with
itself or of slices of its channels, as in the anchor of ABPN, becomes a 1×1 convolution with a
permuted matrix of zeros and ones. After any other operator, a 1×1 convolution with a permutation
matrix is inserted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.operators import ELEMENTWISE, SINGLE
from edge_imgq.graph.passes.by_name.hoist_activation import hoist_activation

Edit = Callable[[], None]
ChannelPermutation = Callable[[ir.Node, Any], "list[Edit] | None"]


def crd_to_dcr(model: ir.Model) -> int:
    """Convert each CRD DepthToSpace to DCR by permuting its input's channels.

    The input is (N, C · s², H, W). The permutation is folded into convolutions upstream, through
    elementwise operators between, or else written as a 1×1 convolution of zeros and ones, whose
    sums have one nonzero term. Bit-exact for finite values. Activations after a pixel shuffle are
    moved before it.

    Args:
        model: edited in place.

    Returns:
        The number of DepthToSpace nodes converted plus that of activations moved.
    """
    moved = hoist_activation(model)
    nodes = [
        node
        for node in model.graph
        if node.op_type == "DepthToSpace" and node.attributes.get_string("mode", "DCR") == "CRD"
    ]
    for node in nodes:
        _rewrite(model.graph, node)
    return len(nodes) + moved


def _rewrite(graph: ir.Graph, node: ir.Node) -> None:
    block = node.attributes.get_int("blocksize")
    source = node.inputs[0]
    assert source is not None
    assert source.shape is not None
    channels = source.shape[1]
    assert isinstance(channels, int)
    order = np.arange(channels).reshape(-1, block * block).T.reshape(-1)
    edits = _edits(source, order)
    if edits is None:
        name = f"{node.name}.order"
        permuted = edit.insert_convolution(graph, node, source, np.eye(channels)[order], name)
        permuted.shape = source.shape
        node.replace_input_with(0, permuted)
    for change in edits or []:
        change()
    node.attributes["mode"] = ir.AttrString("mode", "DCR")


def _edits(value: ir.Value | None, order: Any) -> list[Edit] | None:
    """Return the edits that permute the channels of a value, or None if its operator has none."""
    node = edit.find_producer(value)
    if value is None or node is None or edit.sole_consumer(value) is None:
        return None
    if value.shape is None or len(value.shape) != 4 or value.shape[1] != len(order):
        return None
    permute = CHANNEL_PERMUTATIONS.get(node.op_type)
    return permute(node, order) if permute is not None else None


def _convolution(node: ir.Node, order: Any) -> list[Edit] | None:
    if not all(edit.is_constant(value) for value in node.inputs[1:] if value is not None):
        return None
    group, kernel = node.attributes.get_int("group", 1), edit.contents(node.inputs[1])
    if group == 1:
        return [lambda: _permute_outputs(node, order)]
    if group != len(kernel) or kernel.shape[1] != 1:
        return None
    before = _edits(node.inputs[0], order)
    return None if before is None else [*before, lambda: _permute_outputs(node, order)]


def _permute_outputs(node: ir.Node, order: Any) -> None:
    edit.replace_input(node, 1, edit.contents(node.inputs[1])[order], "dcr")
    bias = edit.bias_of(node)
    if bias is not None:
        edit.set_bias(node, bias[order], "dcr")


def _alike(node: ir.Node, order: Any) -> list[Edit] | None:
    """Pass the permutation to the input of an operator that treats all channels alike."""
    return _edits(node.inputs[0], order)


def _pairwise(node: ir.Node, order: Any) -> list[Edit] | None:
    """Permute all operands of an operator on two images, or on one image and constants."""
    edits: list[Edit] = []
    for index, value in enumerate(node.inputs):
        change = (
            _constant(node, index, order) if edit.is_constant(value) else _operand(value, order)
        )
        if change is None:
            return None
        edits += change
    return edits


def _operand(value: ir.Value | None, order: Any) -> list[Edit] | None:
    shape = value.shape if value is not None else None
    if shape is not None and len(shape) == 4 and shape[1] == 1:
        return []
    return _edits(value, order)


def _constant(node: ir.Node, index: int, order: Any) -> list[Edit] | None:
    values = edit.contents(node.inputs[index])
    if values.ndim < 3 or values.shape[-3] == 1:
        return []
    permuted = np.take(values, order, axis=-3)
    return [lambda: edit.replace_input(node, index, permuted, "dcr")]


def _concatenation(node: ir.Node, order: Any) -> list[Edit] | None:
    """Rewrite a concatenation of channels of one image as a permuted 1×1 convolution."""
    if node.attributes.get_int("axis") not in (1, -3):
        return None
    sources = [_channels_of(value) for value in node.inputs]
    known = [source for source in sources if source is not None]
    image = known[0][0] if known else None
    if (
        image is None
        or len(known) < len(sources)
        or any(producer is not image for producer, _ in known)
    ):
        return None
    indices = np.concatenate([channels for _, channels in known])
    matrix = np.eye(_width(image) or 0)[indices][order]
    return [lambda: _select(node, image, matrix)]


def _width(value: ir.Value | None) -> int | None:
    channels = value.shape[1] if value is not None and value.shape else None
    return channels if isinstance(channels, int) else None


def _channels_of(value: ir.Value | None) -> tuple[ir.Value, Any] | None:
    """Return the image from which a value takes its channels, and their indices in it."""
    width, node = _width(value), edit.find_producer(value)
    if value is None or width is None:
        return None
    image = node.inputs[0] if node is not None and node.op_type == "Slice" else None
    whole = _width(image)
    if node is None or image is None or whole is None:
        return value, np.arange(width)
    if not all(edit.is_constant(number) for number in node.inputs[1:]) or len(node.inputs) < 4:
        return value, np.arange(width)
    starts, ends, axes, *steps = (edit.contents(number).tolist() for number in node.inputs[1:])
    step = steps[0] if steps else [1]
    if axes not in ([1], [-3]):
        return value, np.arange(width)
    return image, np.arange(whole)[starts[0] : ends[0] : step[0]]


def _select(node: ir.Node, image: ir.Value, matrix: Any) -> None:
    graph, result = node.graph, node.outputs[0]
    assert isinstance(graph, ir.Graph)
    chosen = edit.insert_convolution(graph, node, image, matrix, f"{node.name}.order")
    chosen.shape = result.shape
    edit.replace_value(result, chosen)
    edit.remove_dead(node)


CHANNEL_PERMUTATIONS: dict[str, ChannelPermutation] = {
    **dict.fromkeys(SINGLE, _alike),
    **dict.fromkeys(ELEMENTWISE - SINGLE, _pairwise),
    "Concat": _concatenation,
    "Conv": _convolution,
}
"""Edits that permute the channels of a node's output, by operator."""
