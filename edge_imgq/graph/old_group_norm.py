"""GroupNormalization of opsets 18 to 20, which ONNX took back, in operators that all opsets have.

Its scale and bias were one number per group; from opset 21 on they are one per channel. Exporters
wrote both into the older opsets. With G groups,

    y = Reshape(InstanceNormalization(Reshape(x, (N, G, rest)), scale, bias), shape of x),

and numbers per channel are a product and a sum behind instead.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

FIRST, LAST = 18, 20


def without_old_groups(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model without the GroupNormalization of these opsets; the same where there is none.

    Nodes whose scale and bias are no constants stay, and are refused by ONNX's own checks.
    """
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
    kinds = {node.op_type for node in model.graph.node}
    if not FIRST <= opset <= LAST or "GroupNormalization" not in kinds:
        return model
    result = onnx.ModelProto()
    result.CopyFrom(model)
    nodes = list(result.graph.node)
    del result.graph.node[:]
    for node in nodes:
        is_old = node.op_type == "GroupNormalization"
        result.graph.node.extend(_written_out(result.graph, node) if is_old else [node])
    return result


def _written_out(graph: onnx.GraphProto, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    source, *weights = node.input
    if any(name not in constants for name in weights):
        return [node]
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    groups, name = attributes["num_groups"], node.output[0]
    scale, shift = (constants[weight] for weight in weights)
    per_group = scale.size == groups
    gains = [scale, shift] if per_group else [np.ones(groups), np.zeros(groups)]
    parts = {f"{name}.rows": np.array([0, groups, -1], np.int64)}
    parts |= {f"{name}.{key}": v.astype(np.float32) for key, v in zip("gb", gains, strict=True)}
    parts |= {
        f"{name}.{key}": v.reshape(-1, 1, 1) for key, v in zip("st", (scale, shift), strict=True)
    }
    graph.initializer.extend(numpy_helper.from_array(array, key) for key, array in parts.items())
    epsilon = attributes.get("epsilon", 1e-5)
    last = name if per_group else f"{name}.normal"
    made = [
        helper.make_node("Shape", [source], [f"{name}.shape"]),
        helper.make_node("Reshape", [source, f"{name}.rows"], [f"{name}.groups"]),
        helper.make_node(
            "InstanceNormalization", [f"{name}.groups", f"{name}.g", f"{name}.b"],
            [f"{name}.instance"], epsilon=epsilon,
        ),
        helper.make_node("Reshape", [f"{name}.instance", f"{name}.shape"], [last]),
    ]  # fmt: skip
    if not per_group:
        made.append(helper.make_node("Mul", [last, f"{name}.s"], [f"{name}.scaled"]))
        made.append(helper.make_node("Add", [f"{name}.scaled", f"{name}.t"], [name]))
    return made
