"""Mark attention as float arithmetic, from the query-key product to the product with the values.

    y = softmax(q · kᵀ · a + bias) · v

Its products are computed in float on every target anyway. Eight bits represent neither the scores
of a masked window, which a network sets to −100, nor the weights of more than 256 keys, most of
which are below half of softmax's step of 1/256. So the nodes from one product to the other are
marked (`edge_imgq.graph.float_regions`).
"""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked, mark_float
from edge_imgq.graph.operators import AFFINE, RESHAPING

PASSED = AFFINE | RESHAPING | {"Transpose"}
"""Operators allowed between the softmax and the two products."""


def mark_attention_float(model: ir.Model) -> int:
    """Mark attention, softmax(q · kᵀ · a + bias) · v, with both MatMuls, to be computed in float.

    A Softmax is marked if only reshapes, transpositions and arithmetic lie between it and a MatMul
    of two computed matrices that reads it. That MatMul, the nodes between, and those back to the
    MatMul before the Softmax are marked too. In a quantized graph they compute in float. Marks are
    metadata of nodes; the float graph computes the same.

    Args:
        model: edited in place.

    Returns:
        The number of softmaxes marked.
    """
    count = 0
    for node in model.graph:
        if node.op_type == "Softmax" and not is_marked(node):
            after = _to_product(node)
            if after is not None:
                for member in (*_from_product(node), node, *after):
                    mark_float(member)
                count += 1
    return count


def _to_product(softmax: ir.Node) -> list[ir.Node] | None:
    """Return the nodes from a softmax to a product of two computed matrices, or None."""
    nodes: list[ir.Node] = []
    node = edit.sole_consumer(softmax.outputs[0])
    while node is not None and node.op_type in PASSED:
        nodes.append(node)
        node = edit.sole_consumer(node.outputs[0])
    return [*nodes, node] if node is not None and _is_product(node) else None


def _from_product(softmax: ir.Node) -> list[ir.Node]:
    """Return the nodes from a product to a softmax, as long as each result has one reader."""
    nodes: list[ir.Node] = []
    node = _only_producer(softmax.inputs[0])
    while node is not None:
        nodes.append(node)
        if _is_product(node):
            return nodes
        computed = [value for value in node.inputs if not edit.is_constant(value)]
        producers = [_only_producer(value) for value in computed] if node.op_type in PASSED else []
        node = next((producer for producer in producers if producer is not None), None)
    return []


def _only_producer(value: ir.Value | None) -> ir.Node | None:
    """Return the node that computes a value with one reader, or None."""
    if value is None or edit.sole_consumer(value) is None:
        return None
    return value.producer()


def _is_product(node: ir.Node) -> bool:
    return node.op_type == "MatMul" and not any(edit.is_constant(value) for value in node.inputs)
