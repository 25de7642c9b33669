"""Constant folding of shape arithmetic once shapes are known.

Exporters write "as large as that tensor" as Shape, Gather, Concat and arithmetic before a Resize or
Reshape. Once the input size is bound, these are constants.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir
from onnx import helper
from onnx.reference import ReferenceEvaluator

from edge_imgq.graph import edit


def fold_shape_arithmetic(model: ir.Model) -> int:
    """Replace every Shape of a static shape, and arithmetic on it and constants, by constants.

    Arithmetic on constants alone is replaced if all its operands and results are integers or
    booleans: exporters compute the shape of a Reshape or Expand so, and ONNX's inference does not
    follow it. Exact: nodes are evaluated by ONNX's reference evaluator. A node that it cannot
    evaluate, or whose result is a graph output, is kept.

    Args:
        model: edited in place.

    Returns:
        The number of nodes folded.
    """
    known: dict[ir.Value, Any] = {}
    folded = []
    opset = model.opset_imports.get("", 0)
    for node in model.graph:
        results = _results(node, known, opset)
        if results is not None:
            known.update(zip(node.outputs, results, strict=True))
            folded.append(node)
    for node in reversed(folded):
        for value in node.outputs:
            if value.uses():
                name = f"{value.name}.known"
                constant = edit.add_constant(model.graph, name, np.asarray(known[value]))
                value.replace_all_uses_with(constant)
        edit.remove_node(node)
    return len(folded)


def evaluate_shape(
    value: ir.Value | None, shapes: Mapping[ir.Value, Sequence[int]], opset: int
) -> Any:
    """Return what shape arithmetic (Shape, Gather, Concat, Mul, …) gives for shapes of some values.

    Args:
        value: result of the shape arithmetic.
        shapes: static shapes of the values whose Shape it reads.
        opset: version of the model's standard opset.

    Returns:
        An array, as ONNX's reference evaluator computes it; None if the value is absent, depends on
        anything but these shapes and constants, or cannot be evaluated.
    """
    if value is None:
        return None
    constant = ir.convenience.get_const_tensor(value)
    if constant is not None:
        return constant.numpy()
    node = value.producer()
    if node is None or len(node.outputs) != 1:
        return None
    if node.op_type == "Shape":
        lengths = shapes.get(node.inputs[0]) if node.inputs[0] is not None else None
        return None if lengths is None else _part_of_shape(node, lengths)
    fed = {
        f"i{index}": evaluate_shape(operand, shapes, opset)
        for index, operand in enumerate(node.inputs)
        if operand is not None
    }
    if not fed or any(operand is None for operand in fed.values()):
        return None
    results = _computed(node, fed, opset)
    return None if results is None else results[0]


def _results(node: ir.Node, known: dict[ir.Value, Any], opset: int) -> list[Any] | None:
    """Return the outputs of a node, or None if they depend on pixels or on numbers of no shape."""
    if any(value.is_graph_output() for value in node.outputs):
        return None
    if node.op_type == "Shape":
        return _shape(node)
    fed = {
        f"i{index}": _operand(value, known)
        for index, value in enumerate(node.inputs)
        if value is not None
    }
    if not fed or any(operand is None for operand in fed.values()):
        return None
    if any(value in known for value in node.inputs):
        return _computed(node, fed, opset)
    if not _are_whole(fed.values()):
        return None
    results = _computed(node, fed, opset)
    return results if results and _are_whole(results) else None


def _are_whole(arrays: Iterable[Any]) -> bool:
    """Return True if all arrays are of integers or booleans, as lengths and positions are."""
    return all(np.asarray(array).dtype.kind in "iub" for array in arrays)


def _computed(node: ir.Node, fed: dict[str, Any], opset: int) -> list[Any] | None:
    """Evaluate a node with ONNX's reference evaluator, or return None if that fails."""
    copy = ir.to_proto(node)
    copy.input[:] = ["" if v is None else f"i{index}" for index, v in enumerate(node.inputs)]
    alone = helper.make_function(
        "known", "node", list(fed), list(copy.output), [copy], [helper.make_opsetid("", opset)]
    )
    try:
        return list(ReferenceEvaluator(alone).run(None, fed, {}))
    except Exception:  # the reference evaluator raises unrelated classes
        return None


def _operand(value: ir.Value, known: dict[ir.Value, Any]) -> Any:
    if value in known:
        return known[value]
    constant = ir.convenience.get_const_tensor(value)
    return None if constant is None else constant.numpy()


def _shape(node: ir.Node) -> list[Any] | None:
    source = node.inputs[0]
    if source is None or source.shape is None or not source.shape.is_static():
        return None
    return [_part_of_shape(node, source.shape.numpy())]


def _part_of_shape(node: ir.Node, lengths: Sequence[int]) -> Any:
    first = node.attributes.get_int("start", 0)
    last = node.attributes.get_int("end", len(lengths))
    return np.array(lengths[first:last], np.int64)
