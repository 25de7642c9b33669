"""Correct the mean and the gain of every output channel of every quantized convolution.

Rounding a channel's weights changes its gain by some thousandths and shifts its mean. In a network
that passes the image from layer to layer, gains multiply and shifts add up, and the image ends half
a level too dark or its contrast 1 % off. Both are corrected at no cost at run time, in the weight
scale and the bias of each channel. With y the output of the float convolution and z that of the
quantized one, over many pixels,

    g = cov(y, z) / var(z),      s_w ← g · s_w,      b ← b + mean(y) − g · mean(z),

the least-squares fit of y by z. Layers are corrected in order, each on corrected inputs, in one
run: the float graph and the QDQ graph are merged into one model, read the same batch of patches,
and after every quantized convolution the fit is applied before the graph continues. Gains and
shifts are the outputs of the model.

Correction of the means: Nagel et al., "Data-Free Quantization through Weight Equalization and Bias
Correction", ICCV 2019 (empirical variant).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir
from onnx import TensorProto, helper

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.operators import WEIGHT_AXIS
from edge_imgq.graph.ports.port_feeds import (
    further_inputs,
    is_one_pixel,
    session_entries,
    size_ratio,
    split_ports,
)
from edge_imgq.graph.shapes.size import open_input, takes_batches
from edge_imgq.quantize.qdq.weights import as_int32
from edge_imgq.quantize.scales.tie_free_multiplier import tie_free_nearest
from edge_imgq.runtime.onnxruntime import inference_session

if TYPE_CHECKING:
    from numpy.typing import NDArray

FLOAT = "float/"
MAX_GAIN = 1.1
"""A gain above this or below its inverse is no rounding error; the channel's gain stays 1."""

MIN_VARIANCE = 1e-12


@dataclass(frozen=True)
class Fit:
    """Least-squares fit y ≈ gain · z + shift of quantized channels z to float ones y.

    Attributes:
        gain: float32 (channels,).
        shift: float32 (channels,), in units of the output.
    """

    gain: NDArray[np.float32]
    shift: NDArray[np.float32]


def correct_channels(
    original: ir.Model, quantized: ir.Model, batch: NDArray[np.float32], *, gains: bool = True
) -> Mapping[str, Fit]:
    """Correct gain and mean of a QDQ model's int8 convolutions, in place.

    Weight scales are multiplied by the gains, and biases change; integer weights stay. Biases are
    rounded again, so a fit is met approximately. A gain above 1.1 or below 1/1.1 counts as 1.
    Layers in float are left out.

    Args:
        original: float graph that was quantized, with the same node names.
        quantized: its QDQ graph; every convolution has a bias (see `zero_biases`).
        batch: network inputs, float32 (N, C, H, W), 0 … peak.
        gains: whether weight scales may change; if not, only means are corrected.

    Returns:
        The fit of each int8 convolution, by node name.
    """
    fits = measure_fits(original, quantized, batch, gains=gains)
    for node in quantized.graph:
        if node.name in fits:
            _apply(node, fits[node.name], gains=gains)
    return fits


def measure_fits(
    original: ir.Model, quantized: ir.Model, batch: NDArray[np.float32], *, gains: bool = True
) -> dict[str, Fit]:
    """Measure the least-squares fit y ≈ gain · z + shift of each int8 convolution's channels.

    y is the float output and z the quantized one, with all convolutions before corrected. A gain
    above 1.1 or below 1/1.1 counts as 1. The models are not changed. If the graph takes one image
    at a time, the fits of the images are averaged.

    Args:
        original: float graph that was quantized, with the same node names.
        quantized: its QDQ graph; every convolution has a bias.
        batch: network inputs, float32 (N, C, H, W), 0 … peak.
        gains: whether gains are fitted; if not, they are 1.

    Returns:
        Gain and shift, float32 (channels,), by node name; empty without an int8 convolution.
    """
    if not any(node.op_type in WEIGHT_AXIS and not is_marked(node) for node in quantized.graph):
        return {}
    largest = MAX_GAIN if gains else 1.0
    merged, names = _side_by_side(ir.to_proto(original), ir.to_proto(quantized), largest)
    whole = len(batch) == 1 or takes_batches(original, batch.shape[2:])
    batches = [batch] if whole else np.split(batch, len(batch))
    _fix_input(merged, batches[0].shape)
    session = inference_session(merged.SerializeToString())
    entries = session_entries(session)
    runs = [session.run(None, split_ports(images, entries)) for images in batches]
    # If images are run one at a time, their fits are averaged.
    values = [np.mean(fits, axis=0) for fits in zip(*runs, strict=True)]
    return {
        name: Fit(gain.reshape(-1), shift.reshape(-1))
        for name, gain, shift in zip(names, values[::2], values[1::2], strict=True)
    }


def _fix_input(model: onnx.ModelProto, shape: Sequence[int]) -> None:
    """Set static input shapes for a batch (N, C, H, W), in place.

    With dynamic axes the time ONNX Runtime takes to create a session grows with the square of the
    number of nodes: four times as long for 150 convolutions.
    """
    others = further_inputs(model.graph)
    ratios = {value.name: size_ratio(model.graph, value) for value in others}
    for value in (model.graph.input[0], *others):
        lengths = value.type.tensor_type.shape.dim
        one_pixel = is_one_pixel([d.dim_value for d in lengths])
        ratio = ratios.get(value.name, 1)
        sides = (shape[0], shape[1], shape[2] // ratio, shape[3] // ratio)
        for axis, (dimension, length) in enumerate(zip(lengths, sides, strict=True)):
            if axis == 0 or not (others and (axis == 1 or one_pixel)):
                dimension.dim_value = length


def zero_biases(graph: ir.Graph) -> None:
    """Add a float32 zero bias to every convolution without one, in place.

    So that biases can be corrected; the graph computes the same. Convolutions are Conv and
    ConvTranspose nodes.

    Raises:
        ValueError: the weights of a convolution are computed.
    """
    for node in graph:
        if node.op_type in WEIGHT_AXIS and (len(node.inputs) < 3 or node.inputs[2] is None):
            weight = edit.contents(node.inputs[1])
            groups = node.attributes.get_int("group", 1) if node.op_type != "Conv" else 1
            channels = weight.shape[WEIGHT_AXIS[node.op_type]] * groups
            zeros = edit.add_constant(graph, f"{node.name}.bias", np.zeros(channels, np.float32))
            node.resize_inputs(3)
            node.replace_input_with(2, zeros)


def _side_by_side(
    original: onnx.ModelProto, quantized: onnx.ModelProto, largest: float
) -> tuple[onnx.ModelProto, list[str]]:
    """Merge both graphs into one model that outputs gains and shifts; return it and layer names."""
    open_input(quantized)
    entries = [quantized.graph.input[0], *further_inputs(quantized.graph)]
    original = _prefixed(original, [entry.name for entry in entries])
    floats = {constant.name for constant in quantized.graph.initializer}
    layers = [node for node in quantized.graph.node if node.op_type in WEIGHT_AXIS]
    names = [node.name for node in layers if node.input[1] not in floats]
    float_outputs = {node.name: node.output[0] for node in original.graph.node}
    nodes = list(original.graph.node)
    for node in quantized.graph.node:
        nodes.append(node)
        if node.name in names:
            nodes.extend(_fitted(node, float_outputs[FLOAT + node.name]))
    outputs = [
        helper.make_tensor_value_info(f"{name}.{kind}", TensorProto.FLOAT, None)
        for name in names
        for kind in ("gain", "shift")
    ]
    constants = [*original.graph.initializer, *quantized.graph.initializer, *_constants(largest)]
    graph = helper.make_graph(nodes, "side by side", entries, outputs, constants)
    model = helper.make_model(graph, opset_imports=quantized.opset_import)
    model.ir_version = quantized.ir_version
    return model, names


def _prefixed(model: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    """Return a copy of a graph with all names prefixed, except its inputs, which become `names`."""
    prefixed: onnx.ModelProto = onnx.compose.add_prefix(model, FLOAT, rename_inputs=True)
    entries = [prefixed.graph.input[0], *further_inputs(prefixed.graph)]
    shared = dict(zip((entry.name for entry in entries), names, strict=True))
    for node in prefixed.graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = shared.get(name, name)
    return prefixed


def _constants(largest: float) -> list[onnx.TensorProto]:
    values = {
        "fit.axes": np.array([0, 2, 3], np.int64),
        "fit.tiny": np.float32(MIN_VARIANCE),
        "fit.one": np.float32(1),
        "fit.most": np.float32(largest),
        "fit.least": np.float32(1 / largest),
    }
    return [onnx.numpy_helper.from_array(np.asarray(v), name) for name, v in values.items()]


def _fitted(node: onnx.NodeProto, y: str) -> list[onnx.NodeProto]:
    """Rename a convolution's output to z; return the nodes that compute g·z + shift from it."""
    output, name = node.output[0], node.name
    z = f"{output}.raw"
    node.output[0] = z

    def at(suffix: str) -> str:
        return f"{name}.{suffix}"

    def op(kind: str, inputs: list[str], suffix: str) -> onnx.NodeProto:
        return helper.make_node(kind, inputs, [at(suffix)])

    def mean(source: str, suffix: str) -> onnx.NodeProto:
        return helper.make_node("ReduceMean", [source, "fit.axes"], [at(suffix)], keepdims=1)

    return [
        mean(y, "mean_y"),
        mean(z, "mean_z"),
        op("Sub", [y, at("mean_y")], "centred_y"),
        op("Sub", [z, at("mean_z")], "centred_z"),
        op("Mul", [at("centred_y"), at("centred_z")], "product"),
        op("Mul", [at("centred_z"), at("centred_z")], "square"),
        mean(at("product"), "covariance"),
        mean(at("square"), "variance"),
        op("Max", [at("variance"), "fit.tiny"], "safe"),
        op("Div", [at("covariance"), at("safe")], "slope"),
        op("Clip", [at("slope"), "fit.least", "fit.most"], "within"),
        op("Equal", [at("slope"), at("within")], "plausible"),
        op("Where", [at("plausible"), at("slope"), "fit.one"], "gain"),
        op("Mul", [at("gain"), at("mean_z")], "scaled_mean"),
        op("Sub", [at("mean_y"), at("scaled_mean")], "shift"),
        op("Mul", [z, at("gain")], "scaled"),
        helper.make_node("Add", [at("scaled"), at("shift")], [output]),
    ]


def _apply(node: ir.Node, fit: Fit, *, gains: bool) -> None:
    """Write a fit into the weight scale and the int32 bias of a convolution, or only its shift.

    Weight scales stay tie-free (`tie_free_multiplier`), so the gain is met to about 10⁻⁴.
    """
    bias_restore = edit.producer_of(node, 2)
    weight_restore = edit.producer_of(node, 1)
    old_scale = edit.contents(bias_restore.inputs[1]).astype(np.float64)
    new_scale = old_scale
    if gains:
        weight_scale = edit.contents(weight_restore.inputs[1]).astype(np.float64)
        output_scale = _output_scale(node)
        new_scale = tie_free_nearest(old_scale * fit.gain / output_scale) * output_scale
        edit.replace_contents(bias_restore.inputs[1], new_scale.astype(np.float32))
        scale = (weight_scale * new_scale / old_scale).astype(np.float32)
        edit.replace_contents(weight_restore.inputs[1], scale)
    levels = edit.contents(bias_restore.inputs[0]) + np.rint(fit.shift / new_scale)
    edit.replace_contents(bias_restore.inputs[0], as_int32(levels))


def _output_scale(node: ir.Node) -> float:
    """Return the scale to which a convolution's result is rounded, after its fused activation."""
    (reader,) = node.outputs[0].consumers()
    if reader.op_type != "QuantizeLinear":
        (reader,) = reader.outputs[0].consumers()
    return float(edit.contents(reader.inputs[1]))
