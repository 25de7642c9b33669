"""Bias correction: every convolution's mean output, channel by channel, as it was in float.

Rounded weights and activations shift the mean of a channel, and the shifts of all layers add up to
an image that is half a level too dark. The mean is put right where it arises:

    b_q ← b_q + (mean of the float convolution − mean of the quantized one),

layer after layer, each on inputs that are corrected already. That order is had in one run: the
float graph and the QDQ graph stand side by side in one model, both read the same batch of patches,
and behind every quantized convolution the difference of the means is added before the graph goes
on. The differences are the model's outputs.

Nagel et al., "Data-Free Quantization through Weight Equalization and Bias Correction", ICCV 2019
(their empirical variant).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from onnx import TensorProto, helper

from edge_imgq.graph import edit
from edge_imgq.quantize.constraints import WEIGHT_AXIS

if TYPE_CHECKING:
    from numpy.typing import NDArray

FLOAT = "float/"
SILENT = 3


def correct_biases(
    original: ir.Model, quantized: ir.Model, batch: NDArray[np.float32]
) -> dict[str, NDArray[np.float32]]:
    """Correct the int32 biases of a QDQ model, in place.

    Args:
        original: the float graph that was quantized, nodes under the same names.
        quantized: its QDQ graph; every convolution has a bias.
        batch: network inputs (N, C, H, W).

    Returns:
        What was added to each convolution's bias, as real numbers, by node name.
    """
    shifts = measure_shifts(original, quantized, batch)
    for node in quantized.graph:
        if node.name in shifts:
            _add_to_bias(node, shifts[node.name])
    return shifts


def measure_shifts(
    original: ir.Model, quantized: ir.Model, batch: NDArray[np.float32]
) -> dict[str, NDArray[np.float32]]:
    """Return what each convolution's bias lacks, by node name."""
    merged, names = _side_by_side(ir.to_proto(original), ir.to_proto(quantized))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = SILENT
    session = onnxruntime.InferenceSession(merged.SerializeToString(), options)
    shifts = session.run(None, {session.get_inputs()[0].name: batch})
    return {name: shift.reshape(-1) for name, shift in zip(names, shifts, strict=True)}


def _side_by_side(
    original: onnx.ModelProto, quantized: onnx.ModelProto
) -> tuple[onnx.ModelProto, list[str]]:
    """Return one model of both graphs whose outputs are the shifts, and the nodes' names."""
    image = quantized.graph.input[0].name
    original = _prefixed(original, image)
    names = [node.name for node in quantized.graph.node if node.op_type in WEIGHT_AXIS]
    float_outputs = {node.name: node.output[0] for node in original.graph.node}
    nodes = list(original.graph.node)
    outputs = []
    for node in quantized.graph.node:
        nodes.append(node)
        if node.op_type in WEIGHT_AXIS:
            nodes.extend(_corrected(node, float_outputs[FLOAT + node.name]))
            outputs.append(
                helper.make_tensor_value_info(_shift(node.name), TensorProto.FLOAT, None)
            )
    entry = quantized.graph.input[0]
    for dimension in entry.type.tensor_type.shape.dim:
        dimension.ClearField("dim_value")
        dimension.ClearField("dim_param")
    axes = onnx.numpy_helper.from_array(np.array([0, 2, 3], np.int64), "shift.axes")
    constants = [*original.graph.initializer, *quantized.graph.initializer, axes]
    graph = helper.make_graph(nodes, "side by side", [entry], outputs, constants)
    model = helper.make_model(graph, opset_imports=quantized.opset_import)
    model.ir_version = quantized.ir_version
    return model, names


def _prefixed(model: onnx.ModelProto, image: str) -> onnx.ModelProto:
    """Return a graph with every name prefixed, but for its input, which is called `image`."""
    prefixed: onnx.ModelProto = onnx.compose.add_prefix(model, FLOAT, rename_inputs=True)
    entry = prefixed.graph.input[0].name
    for node in prefixed.graph.node:
        for index, name in enumerate(node.input):
            if name == entry:
                node.input[index] = image
    return prefixed


def _corrected(node: onnx.NodeProto, float_output: str) -> list[onnx.NodeProto]:
    """Rename a convolution's output and add to it what its mean lacks against the float one's."""
    output = node.output[0]
    raw, shift = f"{output}.raw", _shift(node.name)
    node.output[0] = raw
    means = [f"{shift}.{side}" for side in ("float", "quantized")]
    return [
        helper.make_node("ReduceMean", [float_output, "shift.axes"], [means[0]], keepdims=1),
        helper.make_node("ReduceMean", [raw, "shift.axes"], [means[1]], keepdims=1),
        helper.make_node("Sub", means, [shift]),
        helper.make_node("Add", [raw, shift], [output]),
    ]


def _shift(name: str) -> str:
    return f"{name}.shift"


def _add_to_bias(node: ir.Node, shift: Any) -> None:
    """Add a real shift to the int32 bias of a convolution."""
    bias = node.inputs[2]
    assert bias is not None
    restore = bias.producer()
    assert restore is not None
    stored, scale = restore.inputs[0], edit.contents(restore.inputs[1])
    assert stored is not None
    levels = edit.contents(stored).astype(np.int64) + np.rint(shift / scale).astype(np.int64)
    limits = np.iinfo(np.int32)
    stored.const_value = ir.tensor(
        levels.clip(limits.min, limits.max).astype(np.int32), name=stored.name
    )


def zero_biases(graph: ir.Graph) -> None:
    """Give every convolution without a bias one of zeros, so that it can be corrected."""
    for node in graph:
        if node.op_type in WEIGHT_AXIS and (len(node.inputs) < 3 or node.inputs[2] is None):
            _give_zero_bias(graph, node)


def _give_zero_bias(graph: ir.Graph, node: ir.Node) -> None:
    weight = edit.contents(node.inputs[1])
    groups = node.attributes.get_int("group", 1) if node.op_type == "ConvTranspose" else 1
    channels = weight.shape[WEIGHT_AXIS[node.op_type]] * groups
    zeros = edit.add_constant(graph, f"{node.name}.bias", np.zeros(channels, np.float32))
    node.resize_inputs(3)
    node.replace_input_with(2, zeros)
