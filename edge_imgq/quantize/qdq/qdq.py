"""Insert QuantizeLinear and DequantizeLinear around every operator of a float graph.

The result is a valid ONNX model that ONNX Runtime runs, and the integer reference of all targets.
Every float operator remains; between operators there are pairs

    value → QuantizeLinear → DequantizeLinear → readers.

Weights become int8 initializers with one scale per output channel, biases int32 initializers, and
slopes of leaky ReLUs multiples of 1/256 (`edge_imgq.quantize.scales.tie_free_leaky_relu`). The
result of a bilinear Resize is first shifted by a fraction of a level, so that ties round as in the
kernels (`edge_imgq.quantize.qdq.resize_rounding`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.fusion import stored_output
from edge_imgq.graph.network import Quantization
from edge_imgq.graph.operators import WEIGHT_AXIS
from edge_imgq.graph.read_network import same_quantization
from edge_imgq.quantize.qdq.exact_first_layer import exact_first_layers
from edge_imgq.quantize.qdq.norm_rounding import round_norm_statistics
from edge_imgq.quantize.qdq.resize_rounding import shift_from_ties
from edge_imgq.quantize.qdq.weights import quantize_bias, quantize_weight
from edge_imgq.quantize.ranges.ranges import covering
from edge_imgq.quantize.scales.power_of_two import is_power, power
from edge_imgq.quantize.scales.scale_constraints import QUANTIZED_CONSTANTS, SHARED_SCALE
from edge_imgq.quantize.scales.tie_free_leaky_relu import quantize_slope


@dataclass(frozen=True)
class NamedGraph:
    """A graph with the set of its value names, which saves collecting them for each new value."""

    graph: ir.Graph
    names: edit.Names

    def constant(self, name: str, array: Any) -> ir.Value:
        """Add an initializer and return its value; a number is appended to the name if it is taken.

        The shape and dtype of `array` are kept.
        """
        return edit.add_constant(self.graph, name, array, self.names)


def insert_qdq(
    graph: ir.Graph, qparams: Mapping[ir.Value, Quantization], *, by_shift: bool = False
) -> None:
    """Turn a float graph into a QDQ graph, in place.

    Every activation gets a QuantizeLinear and a DequantizeLinear, weights become int8 initializers
    with one scale per output channel, biases int32. Inputs and outputs of the graph keep their
    names and stay float32. Nodes that are marked float keep float constants.

    Args:
        graph: float graph with constant weights.
        qparams: per-tensor int8 quantization of every activation, as `assign_scales` returns it.
        by_shift: whether scales are powers of two (`edge_imgq.quantize.scales.power_of_two`).
    """
    round_norm_statistics(graph, qparams)
    exact_first_layers(graph, qparams)
    named = NamedGraph(graph, edit.Names(graph))
    nodes = [node for node in graph if not is_marked(node) and _computes_reals(node)]
    for node in nodes:
        if node.op_type in WEIGHT_AXIS:
            _quantize_weights(named, node, qparams, by_shift)
        if node.op_type in QUANTIZED_CONSTANTS:
            _quantize_constants(named, node, qparams, by_shift)
        if node.op_type == "LeakyRelu":
            quantize_slope(node, qparams)
    for node in nodes:
        if node.op_type in SHARED_SCALE:
            _requantize_inputs(named, node, qparams)
    for value, parameters in qparams.items():
        _quantize_activation(named, value, parameters)
    graph.sort()


def _computes_reals(node: ir.Node) -> bool:
    """Return True if a node computes floats, False for shape arithmetic."""
    return node.outputs[0].dtype in (None, ir.DataType.FLOAT)


def _quantize_weights(
    named: NamedGraph, node: ir.Node, qparams: Mapping[ir.Value, Quantization], by_shift: bool
) -> None:
    source, weight = node.inputs[0], node.inputs[1]
    assert source is not None
    assert weight is not None
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    bias_values = None if bias is None else edit.contents(bias)
    input_scale = float(qparams[source].scale[0])
    output_scale = float(qparams[stored_output(node)].scale[0])
    integers, parameters = quantize_weight(
        edit.contents(weight),
        bias_values,
        WEIGHT_AXIS[node.op_type],
        input_scale,
        output_scale,
        by_shift=by_shift and is_power(input_scale) and is_power(output_scale),
    )
    _replace_constant(named, node, 1, integers, parameters)
    if bias is not None:
        _replace_constant(
            named, node, 2, *quantize_bias(bias_values, input_scale, parameters.scale)
        )


def _quantize_constants(
    named: NamedGraph, node: ir.Node, qparams: Mapping[ir.Value, Quantization], by_shift: bool
) -> None:
    for index, value in enumerate(node.inputs):
        if value is None or not edit.is_constant(value):
            continue
        array = edit.contents(value)
        shared = node.op_type in SHARED_SCALE
        own = power(covering(array)) if by_shift else covering(array)
        parameters = qparams[node.outputs[0]] if shared else own
        levels = np.rint(array / parameters.scale[0]) + parameters.zero_point[0]
        _replace_constant(named, node, index, levels.clip(-128, 127).astype(np.int8), parameters)


def _replace_constant(
    named: NamedGraph, node: ir.Node, index: int, integers: Any, parameters: Quantization
) -> None:
    old = node.inputs[index]
    assert old is not None
    stored = named.constant(f"{old.name}.{parameters.dtype}", integers)
    node.replace_input_with(index, append_converter(named, "DequantizeLinear", stored, parameters))


def _requantize_inputs(
    named: NamedGraph, node: ir.Node, qparams: Mapping[ir.Value, Quantization]
) -> None:
    """Requantize inputs of an operator that copies integers to the scale of its output."""
    wanted = qparams[node.outputs[0]]
    for index, value in enumerate(node.inputs):
        if value is None or value not in qparams or same_quantization(qparams[value], wanted):
            continue
        quantized = append_converter(named, "QuantizeLinear", value, wanted)
        node.replace_input_with(
            index, append_converter(named, "DequantizeLinear", quantized, wanted)
        )


def _quantize_activation(named: NamedGraph, value: ir.Value, parameters: Quantization) -> None:
    readers = list(value.uses())
    graph = named.graph
    outputs = [index for index, output in enumerate(graph.outputs) if output is value]
    source = shift_from_ties(graph, value, parameters)
    quantized = append_converter(named, "QuantizeLinear", source, parameters)
    restored = append_converter(named, "DequantizeLinear", quantized, parameters)
    for reader, index in readers:
        reader.replace_input_with(index, restored)
    for index in outputs:
        restored.name, value.name = value.name, named.names.free(f"{value.name}.real")
        graph.outputs[index] = restored


def append_converter(
    named: NamedGraph, kind: str, source: ir.Value, parameters: Quantization
) -> ir.Value:
    """Append a QuantizeLinear or DequantizeLinear to the graph, and return its output.

    Its scale and zero point become initializers: scalars, or (channels,) on `parameters.axis`. The
    caller sorts the graph afterwards.

    Args:
        named: the graph.
        kind: "QuantizeLinear" or "DequantizeLinear".
        source: value that it reads, of the shape of the output.
        parameters: scale, zero point, integer type and axis.
    """
    scale: Any = parameters.scale
    zero_point: Any = parameters.zero_point.astype(parameters.dtype)
    if parameters.axis is None:
        scale, zero_point = scale[0], zero_point[0]
    name = named.names.free(f"{source.name}.{kind.removesuffix('Linear').lower()}d")
    inputs = [
        source,
        named.constant(f"{name}.scale", np.asarray(scale)),
        named.constant(f"{name}.zero_point", np.asarray(zero_point)),
    ]
    attributes = {} if parameters.axis is None else {"axis": parameters.axis}
    node = ir.node(kind, inputs, attributes, name=name)
    named.graph.append(node)
    output = node.outputs[0]
    output.name, output.shape = name, source.shape
    stored = ir.DataType.from_numpy(zero_point.dtype)
    output.dtype = stored if kind == "QuantizeLinear" else ir.DataType.FLOAT
    return output
