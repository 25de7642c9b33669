"""Activation fusion: which clips the target formats fuse into the preceding operator.

The quantizer and the graph reader must agree on it: no quantizer lies between an operator and a
fused activation, so the operator rounds once.
"""

from __future__ import annotations

import math

import onnx_ir as ir

from edge_imgq.graph.network import Activation
from edge_imgq.graph.operators import operators

RECTIFIER = Activation(0.0, math.inf)
"""Bounds of Relu."""

FUSES_ACTIVATION = operators(lambda row: row.fuses_clip)
"""Operators that absorb a following clip at no cost in every target format."""


def fused_activation(node: ir.Node) -> ir.Node | None:
    """Return the Relu, or Clip with constant bounds, that kernels fuse into a node; else None.

    It must be the only reader of the node's first output, which is not a graph output. The node
    must be of an operator into which every format fuses activations: Conv, ConvTranspose, Gemm,
    Add, Sub, Mul or Div.
    """
    if node.op_type not in FUSES_ACTIVATION:
        return None
    output = node.outputs[0]
    consumers = output.consumers()
    if output.is_graph_output() or len(consumers) != 1 or clip_bounds(consumers[0]) is None:
        return None
    return consumers[0]


def stored_output(node: ir.Node) -> ir.Value:
    """Return the value that a node writes to memory at run time.

    That is the output of the activation fused into it (`fused_activation`), or else its own first
    output.
    """
    follower = fused_activation(node)
    return node.outputs[0] if follower is None else follower.outputs[0]


def clip_bounds(node: ir.Node) -> Activation | None:
    """Return the (low, high) bounds of a Relu or constant Clip; None for any other node.

    An absent bound is infinite; a Relu has 0 and infinity.
    """
    if node.op_type == "Relu":
        return Activation(0.0, math.inf)
    if node.op_type != "Clip":
        return None
    bounds = [-math.inf, math.inf]
    for index, value in enumerate(node.inputs[1:]):
        if value is None:
            continue
        if value.const_value is None:
            return None
        bounds[index] = float(value.const_value.numpy())
    return Activation(bounds[0], bounds[1])
