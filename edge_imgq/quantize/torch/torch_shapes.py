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
    """Return the Shape nodes of a graph, and the nodes that read only their results and constants.

    `nodes` are all nodes in graph order.
    """
    known: set[ir.Value] = set()
    arithmetic = set()
    for node in nodes:
        values = [value for value in node.inputs if value is not None]
        follows = any(value in known for value in values) and all(
            value in known or value.is_initializer() for value in values
        )
        if node.op_type == "Shape" or follows:
            known.update(node.outputs)
            arithmetic.add(node)
    return frozenset(arithmetic)


def shape_values(node: ir.Node, inputs: Inputs) -> tuple[Tensor, ...]:
    """Evaluate a node that `shape_arithmetic` found; exact, without gradients.

    `inputs` are those of the node: any tensor for a Shape, else small tensors of shapes. Returns
    one tensor per output, int64 for a Shape, else of the dtype that ONNX's reference evaluator
    gives.

    Raises:
        NotCoveredError: the input of a Shape is absent.
    """
    if node.op_type == "Shape":
        shape = given(inputs, 0).shape
        first = node.attributes.get_int("start", 0)
        last = node.attributes.get_int("end", len(shape))
        return (torch.tensor(shape[first:last], dtype=torch.int64),)
    copy = ir.to_proto(node)
    copy.input[:] = ["" if value is None else f"i{index}" for index, value in enumerate(inputs)]
    fed = {f"i{index}": value for index, value in enumerate(inputs) if value is not None}
    arrays = {name: value.detach().numpy() for name, value in fed.items()}
    results = ReferenceEvaluator(copy).run(None, arrays)
    return tuple(torch.from_numpy(np.asarray(result)) for result in results)
