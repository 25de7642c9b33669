"""Decompose MeanVarianceNormalization into operators that every target has.

    y = (x − m) / max(√(mean (x − m)²), 10⁻⁹),        m the mean of x

over the axes that the node names, by default batch, height and width. ONNX adds 10⁻⁹ to the root
instead; the results differ only where an image is constant up to its last digits.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

KIND = "MeanVarianceNormalization"
AXES = (0, 2, 3)
EPSILON = 1e-9

AXES_AS_INPUT = 18
"""First opset whose ReduceMean takes its axes as an input."""


def without_mean_variance(model: onnx.ModelProto) -> onnx.ModelProto:
    """Decompose MeanVarianceNormalization into ReduceMean, Sub, Mul, Sqrt, Max and Div.

    y = (x − m) / max(√(mean (x − m)²), 10⁻⁹), with means over the node's `axes`, by default batch,
    height and width. ONNX adds 10⁻⁹ to the root instead, so results differ only where an image is
    constant up to its last digits.

    Returns:
        A copy, or the model itself if it has no such node.
    """
    if not any(node.op_type == KIND for node in model.graph.node):
        return model
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
    result = onnx.ModelProto()
    result.CopyFrom(model)
    nodes = list(result.graph.node)
    del result.graph.node[:]
    for node in nodes:
        is_norm = node.op_type == KIND
        result.graph.node.extend(_decomposed(result.graph, node, opset) if is_norm else [node])
    return result


def _decomposed(graph: onnx.GraphProto, node: onnx.NodeProto, opset: int) -> list[onnx.NodeProto]:
    axes = next((list(a.ints) for a in node.attribute if a.name == "axes"), list(AXES))
    (source,), (result,) = node.input, node.output
    numbers, epsilon = f"{result}.axes", f"{result}.epsilon"
    graph.initializer.append(numpy_helper.from_array(np.float32(EPSILON), epsilon))
    if opset >= AXES_AS_INPUT:
        graph.initializer.append(numpy_helper.from_array(np.array(axes, np.int64), numbers))

    def mean(value: str, to: str) -> onnx.NodeProto:
        if opset >= AXES_AS_INPUT:
            return helper.make_node("ReduceMean", [value, numbers], [to], f"{node.name}.{to}")
        return helper.make_node("ReduceMean", [value], [to], f"{node.name}.{to}", axes=axes)

    middle, rest, square, variance, root, divisor = (
        f"{result}.{suffix}" for suffix in ("mean", "rest", "square", "variance", "root", "divisor")
    )
    return [
        mean(source, middle),
        helper.make_node("Sub", [source, middle], [rest]),
        helper.make_node("Mul", [rest, rest], [square]),
        mean(square, variance),
        helper.make_node("Sqrt", [variance], [root]),
        helper.make_node("Max", [root, epsilon], [divisor]),
        helper.make_node("Div", [rest, divisor], [result], node.name),
    ]
