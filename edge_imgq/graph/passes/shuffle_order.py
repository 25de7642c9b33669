"""Pixel shuffle in the order that phones have: CRD to DCR, by permuting what computes its channels.

PyTorch's pixel shuffle (CRD) reads channel c·s² + φ for output channel c and phase φ. TFLite's
DEPTH_TO_SPACE (DCR) reads φ·C + c. Reordering the output channels of the convolution that feeds the
shuffle costs nothing at run time:

    W'[φ·C + c] = W[c·s² + φ].

Activations, sums and products stand the permutation, on both sides and with their constants; a
depthwise convolution passes it on to its input. A concatenation of one image with itself, the
anchor of ABPN, becomes a 1×1 convolution with a permuted matrix of zeros and ones. Where something
else computes the channels, a 1×1 convolution with a permutation matrix does the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.passes.early_activation import early_activation

Edit = Callable[[], None]
Rule = Callable[[ir.Node, Any], "list[Edit] | None"]


def shuffle_order(model: ir.Model) -> int:
    """Turn every CRD depth-to-space into DCR, and put activations in front of shuffles; exact.

    Returns:
        The number of nodes rewritten.
    """
    moved = early_activation(model)
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
    """Return what to change so that a value has its channels in another order; None if nothing."""
    node = edit.find_maker(value)
    if value is None or node is None or edit.sole_consumer(value) is None:
        return None
    if value.shape is None or len(value.shape) != 4 or value.shape[1] != len(order):
        return None
    rule = RULES.get(node.op_type)
    return rule(node, order) if rule is not None else None


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
    """Operators that treat every channel alike."""
    return _edits(node.inputs[0], order)


def _pairwise(node: ir.Node, order: Any) -> list[Edit] | None:
    """Operators on two images, or on one and constants: all of them are permuted."""
    edits: list[Edit] = []
    for index, value in enumerate(node.inputs):
        part = _constant(node, index, order) if edit.is_constant(value) else _operand(value, order)
        if part is None:
            return None
        edits += part
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


def _repetition(node: ir.Node, order: Any) -> list[Edit] | None:
    """A concatenation of one image with itself."""
    image = node.inputs[0]
    shape = image.shape if image is not None else None
    same = all(value is image for value in node.inputs)
    if not same or shape is None or node.attributes.get_int("axis") not in (1, -3):
        return None
    channels = shape[1]
    if not isinstance(channels, int):
        return None
    matrix = np.tile(np.eye(channels), (len(node.inputs), 1))[order]
    return [lambda: _select(node, matrix)]


def _select(node: ir.Node, matrix: Any) -> None:
    graph, image, result = node.graph, node.inputs[0], node.outputs[0]
    assert isinstance(graph, ir.Graph)
    assert image is not None
    chosen = edit.insert_convolution(graph, node, image, matrix, f"{node.name}.order")
    chosen.shape = result.shape
    edit.take_place(result, chosen)
    edit.remove_node(node)


RULES: dict[str, Rule] = {
    "Add": _pairwise,
    "Clip": _alike,
    "Concat": _repetition,
    "Conv": _convolution,
    "Gelu": _alike,
    "HardSwish": _alike,
    "LeakyRelu": _alike,
    "Max": _pairwise,
    "Min": _pairwise,
    "Mul": _pairwise,
    "PRelu": _pairwise,
    "Relu": _alike,
    "Sigmoid": _alike,
    "Sub": _pairwise,
    "Tanh": _alike,
}
"""What stands a permutation of its channels, by operator."""
