"""Pixel shuffle in the order that phones have: CRD to DCR, by permuting the convolution before it.

PyTorch's pixel shuffle (CRD) reads channel c·s² + φ for output channel c and phase φ. TFLite's
DEPTH_TO_SPACE (DCR) reads φ·C + c. Reordering the output channels of the convolution that feeds the
shuffle, and the slopes of a PReLU between them, costs nothing at run time:

    W'[φ·C + c] = W[c·s² + φ].

Where no convolution stands before it, a 1×1 convolution with a permutation matrix does the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit

TRANSPARENT = frozenset({"Relu", "LeakyRelu", "Clip", "Sigmoid", "Tanh", "PRelu"})
"""Operators that treat every channel alike, or hold one constant per channel."""


def shuffle_order(model: ir.Model) -> int:
    """Turn every CRD depth-to-space into DCR; exact.

    Returns:
        The number of nodes rewritten.
    """
    nodes = [
        node
        for node in model.graph
        if node.op_type == "DepthToSpace" and node.attributes.get_string("mode", "DCR") == "CRD"
    ]
    for node in nodes:
        _rewrite(model.graph, node)
    return len(nodes)


def _rewrite(graph: ir.Graph, node: ir.Node) -> None:
    block = node.attributes.get_int("blocksize")
    source = node.inputs[0]
    assert source is not None
    assert source.shape is not None
    channels = source.shape[1]
    assert isinstance(channels, int)
    order = np.arange(channels).reshape(-1, block * block).T.reshape(-1)
    chain = _permutable_chain(source)
    if chain is None:
        name = f"{node.name}.order"
        permuted = edit.insert_convolution(graph, node, source, np.eye(channels)[order], name)
        permuted.shape = source.shape
        node.replace_input_with(0, permuted)
    else:
        for member in chain:
            _permute_constants(graph, member, order)
    node.attributes["mode"] = ir.AttrString("mode", "DCR")


def _permutable_chain(value: ir.Value) -> list[ir.Node] | None:
    """Return the nodes from a convolution to `value`, if nothing else reads between them."""
    chain: list[ir.Node] = []
    while True:
        node = value.producer()
        if node is None or edit.sole_consumer(value) is None:
            return None
        chain.append(node)
        if node.op_type == "Conv":
            constant = all(edit.is_constant(v) for v in node.inputs[1:] if v is not None)
            return chain if constant else None
        if node.op_type not in TRANSPARENT or node.inputs[0] is None:
            return None
        if node.op_type == "PRelu" and not edit.is_constant(node.inputs[1]):
            return None
        value = node.inputs[0]


def _permute_constants(graph: ir.Graph, node: ir.Node, order: Any) -> None:
    if node.op_type == "Conv":
        _replace_permuted(graph, node, 1, order, axis=0)
        if len(node.inputs) > 2 and node.inputs[2] is not None:
            _replace_permuted(graph, node, 2, order, axis=0)
    elif node.op_type == "PRelu" and edit.contents(node.inputs[1]).size > 1:
        _replace_permuted(graph, node, 1, order, axis=-3)


def _replace_permuted(graph: ir.Graph, node: ir.Node, index: int, order: Any, axis: int) -> None:
    old = node.inputs[index]
    assert old is not None
    array = np.take(edit.contents(old), order, axis=axis)
    node.replace_input_with(index, edit.add_constant(graph, f"{old.name}.dcr", array))
