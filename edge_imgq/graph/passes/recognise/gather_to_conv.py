"""Rewrite a selection of channels as a 1×1 convolution.

x[:, [2, 0, 0]] is a Gather over the channels, which torch's newer exporter writes as GatherND
between two transpositions that move the channels to the front and back. A matrix with a single one
in each row selects the same channels, exactly if all values are finite:

    Gather(x, t)[c] = x[t[c]] = Σ_k M[c, k]·x[k],        M[c, k] = 1 if k = t[c] else 0.

An adjacent convolution absorbs the matrix where that adds no multiplications (`reparameterize`),
as it always does for a permutation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit

CHANNELS_FIRST = [1, 0, 2, 3]
"""Permutation that swaps batch and channels; it is its own inverse."""


def gather_to_conv(model: ir.Model) -> int:
    """Rewrite a selection of channels by a constant table as a 1×1 convolution.

    x[:, t] of float (N, C, H, W) is a convolution whose matrix (len(t), C) has a single 1 in each
    row. Covers Gather along axis 1, and GatherND between two Transposes that swap N and C. Exact
    for finite values, except for the sign of zero; an infinity or NaN spreads to all channels.

    Args:
        model: edited in place.

    Returns:
        The number of nodes rewritten.
    """
    nodes = [node for node in model.graph if node.op_type in SELECTIONS]
    return sum(_rewrite(model.graph, node) for node in nodes)


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    selection = SELECTIONS[node.op_type](node)
    if selection is None:
        return False
    source, table, result = selection
    if source.dtype is not ir.DataType.FLOAT or source.shape is None or len(source.shape) != 4:
        return False
    channels = source.shape[1]
    if not isinstance(channels, int):
        return False
    matrix = np.eye(channels, dtype=np.float32)[table]
    selected = edit.insert_convolution(graph, node, source, matrix, f"{node.name}.selection")
    selected.shape = ir.Shape([source.shape[0], len(table), *source.shape[2:]])
    last = edit.producer(result)
    edit.replace_value(result, selected)
    edit.remove_dead(last)
    return True


def _plain(node: ir.Node) -> tuple[ir.Value, Any, ir.Value] | None:
    """Return the input, table and output of a Gather over the channels, or None."""
    source, table = node.inputs
    if source is None or not edit.is_constant(table) or edit.contents(table).ndim != 1:
        return None
    rank = len(source.shape) if source.shape is not None else 0
    axis = node.attributes.get_int("axis", 0)
    return (source, edit.contents(table), node.outputs[0]) if axis in (1, 1 - rank) else None


def _between_transpositions(node: ir.Node) -> tuple[ir.Value, Any, ir.Value] | None:
    """Return the input, table and output of a channel GatherND between transpositions, or None."""
    source, table = node.inputs
    before, after = edit.find_producer(source), edit.sole_consumer(node.outputs[0])
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
"""Function that reads a channel selection, by operator."""
