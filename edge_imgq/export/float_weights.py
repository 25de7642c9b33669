"""Keeps the float weights of a layer that mixed precision leaves in float.

ONNX Runtime takes a layer with float weights between a DequantizeLinear and a QuantizeLinear for
one whose weights were forgotten. Every session's basic optimisations store them as int8 with one
scale for the whole tensor, which costs more than the int8 that the layer was spared.

Source: WeightBiasQuantization of ONNX Runtime 1.31.1; measured by
findings/onnxruntime-float-weights.sh.
"""

from __future__ import annotations

import onnx

from edge_imgq.export.optimization_barrier import insert_barrier

LAYERS = frozenset({"Conv", "ConvTranspose", "Gemm"})
"""Operators whose weights ONNX Runtime quantizes by itself."""

LOOKED_THROUGH = frozenset({"Relu", "Clip"})
"""Operators that may stand between the layer and the QuantizeLinear."""


def keep_float_weights(model: onnx.ModelProto) -> None:
    """Insert a Max in front of layers with float weights whose ends are quantized, in place.

    They are convolutions, transposed convolutions and Gemm with constant weights that read a
    DequantizeLinear, and whose output goes to one QuantizeLinear, with or without a Relu or Clip
    between. Other nodes are not changed. The result of the graph is unchanged, exactly.

    Args:
        model: QDQ graph; weights of integer layers come from a DequantizeLinear.
    """
    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer}
    makers = {name: node.op_type for node in graph.node for name in node.output}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    for node in list(graph.node):
        if node.op_type not in LAYERS or node.input[1] not in constants:
            continue
        if makers.get(node.input[0]) == "DequantizeLinear" and _is_quantized(node, readers):
            insert_barrier(graph, node)


def _is_quantized(node: onnx.NodeProto, readers: dict[str, list[onnx.NodeProto]]) -> bool:
    """Whether the output goes to QuantizeLinear alone, perhaps through a Relu or Clip."""
    after = readers.get(node.output[0], [])
    if len(after) == 1 and after[0].op_type in LOOKED_THROUGH:
        return _is_quantized(after[0], readers)
    return bool(after) and all(reader.op_type == "QuantizeLinear" for reader in after)
