"""Channels picked in any order are a 1×1 convolution.

x[:, [2, 0, 0]] is a Gather along the channels, which torch's newer exporter writes as GatherND
between two transpositions that bring the channels to the front and back. A matrix of zeros with
a one in each row picks the same, to the bit where all values are finite:

    Gather(x, t)[c] = x[t[c]] = Σ_k M[c, k]·x[k],        M[c, k] = 1 if k = t[c] else 0.

A convolution beside it takes the matrix up where that costs nothing (`reparameterize`), as it
always does where all channels are taken once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit

CHANNELS_FIRST = [1, 0, 2, 3]
"""Exchanges images and channels; it undoes itself."""


def gather_to_conv(model: ir.Model) -> int:
    """Rewrite every choice of channels that is no slice; exact.

    Returns:
        The number of nodes rewritten.
    """
    nodes = [node for node in model.graph if node.op_type in SELECTIONS]
    return sum(_rewrite(model.graph, node) for node in nodes)


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    found = SELECTIONS[node.op_type](node)
    if found is None:
        return False
    source, table, result = found
    if source.dtype is not ir.DataType.FLOAT or source.shape is None or len(source.shape) != 4:
        return False
    channels = source.shape[1]
    if not isinstance(channels, int):
        return False
    matrix = np.eye(channels, dtype=np.float32)[table]
    part = edit.insert_convolution(graph, node, source, matrix, f"{node.name}.selection")
    part.shape = ir.Shape([source.shape[0], len(table), *source.shape[2:]])
    last = edit.maker(result)
    edit.take_place(result, part)
    edit.remove_dead(last)
    return True


def _plain(node: ir.Node) -> tuple[ir.Value, Any, ir.Value] | None:
    """Return what a Gather along the channels reads, its table, and what it returns."""
    source, table = node.inputs
    if source is None or not edit.is_constant(table) or edit.contents(table).ndim != 1:
        return None
    rank = len(source.shape) if source.shape is not None else 0
    axis = node.attributes.get_int("axis", 0)
    return (source, edit.contents(table), node.outputs[0]) if axis in (1, 1 - rank) else None


def _between_transpositions(node: ir.Node) -> tuple[ir.Value, Any, ir.Value] | None:
    """Return the same of a GatherND along the first axis that stands between transpositions."""
    source, table = node.inputs
    before, after = edit.find_maker(source), edit.sole_consumer(node.outputs[0])
    if node.attributes.get_int("batch_dims", 0) or not edit.is_constant(table):
        return None
    indices = edit.contents(table)
    if indices.ndim != 2 or indices.shape[1] != 1 or not (_swaps(before) and _swaps(after)):
        return None
    assert before is not None
    assert after is not None
    origin = before.inputs[0]
    return None if origin is None else (origin, indices[:, 0], after.outputs[0])


def _swaps(node: ir.Node | None) -> bool:
    if node is None or node.op_type != "Transpose":
        return False
    return list(node.attributes.get_ints("perm", [])) == CHANNELS_FIRST


SELECTIONS = {"Gather": _plain, "GatherND": _between_transpositions}
"""How each operator that picks channels is read."""
