"""Evaluate the shape arithmetic of a graph with dynamic sizes for the image at hand.

Exporters write "the size of that tensor" as Shape, Gather, Concat and arithmetic before a Resize or
Reshape. No gradient passes through these, so ONNX's reference evaluator computes them.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import onnx_ir as ir
import torch
from onnx.reference import ReferenceEvaluator
from torch import Tensor

from edge_imgq.quantize.torch.torch_inputs import Inputs, given


def shape_arithmetic(nodes: Iterable[ir.Node]) -> frozenset[ir.Node]:
    """Find the nodes that compute only from shapes and constants; `nodes` are in graph order."""
    known: set[ir.Value] = set()
    found = set()
    for node in nodes:
        values = [value for value in node.inputs if value is not None]
        follows = any(value in known for value in values) and all(
            value in known or value.is_initializer() for value in values
        )
        if node.op_type == "Shape" or follows:
            known.update(node.outputs)
            found.add(node)
    return frozenset(found)


def shape_values(node: ir.Node, inputs: Inputs) -> tuple[Tensor, ...]:
    """Evaluate a node of shape arithmetic on integer tensors, exactly; one tensor per output."""
    if node.op_type == "Shape":
        shape = given(inputs, 0).shape
        first = node.attributes.get_int("start", 0)
        last = node.attributes.get_int("end", len(shape))
        return (torch.tensor(shape[first:last], dtype=torch.int64),)
    copy = ir.to_proto(node)
    copy.input[:] = ["" if value is None else f"i{place}" for place, value in enumerate(inputs)]
    fed = {f"i{place}": value for place, value in enumerate(inputs) if value is not None}
    arrays = {name: value.detach().numpy() for name, value in fed.items()}
    results = ReferenceEvaluator(copy).run(None, arrays)
    return tuple(torch.from_numpy(np.asarray(result)) for result in results)
