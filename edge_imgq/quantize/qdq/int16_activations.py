"""Store activations of a QDQ graph in 16 bits: weights stay int8 (W8A16).

An NPU that rounds a level off now and then (Qualcomm's HTP does in 2 % of the values of a
convolution) then errs by 1/128 of what was a level. A scale s becomes s / 128 with zero point 0, so
every int8 value is an int16 value too, and a bias becomes 128 times as many levels. Values that the
int8 range would clip are kept up to twice that range; a Relu stays in the graph, and any other clip
is applied where the values become int8 again.

Only convolutions, and sums, differences and products of two tensors, compute so, and depthwise
convolutions do not: LiteRT 2.3.0's plugin for Qualcomm leaves those of int16 to the processor.
Between them and all other operators, and at the ends of the network, values are requantized to the
scales of the int8 graph.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.fusion import fused_activation, stored_output
from edge_imgq.graph.network import Quantization
from edge_imgq.graph.operators import WEIGHT_AXIS
from edge_imgq.graph.read_network import quantization_of
from edge_imgq.quantize.qdq.qdq import NamedGraph, append_converter

INT16_OPERATORS = frozenset({"Conv", "Add", "Sub", "Mul"})
"""Operators that read and write int16."""

FINER = 128
"""Int16 levels in an int8 level: at most 255 of these from the zero point, they fit."""


def with_int16_activations(model: ir.Model) -> ir.Model:
    """Return a copy of a QDQ graph whose convolutions, sums and products use int16 (W8A16).

    An int16 scale is 1/128 of the int8 one, with zero point 0; weights stay int8. An operator keeps
    int8 if one of its operands is float, it is a depthwise convolution, or its bias does not fit
    into int32. Inputs and outputs of the graph stay as they are.

    Args:
        model: QDQ graph (`edge_imgq.quantize.qdq.qdq`); not changed.

    Raises:
        ModelError: a quantizer's integer type is not int8, int16 or int32.
    """
    copy = model.clone()
    named = NamedGraph(copy.graph, edit.Names(copy.graph))
    chosen = [node for node in copy.graph if _takes_int16(node)]
    finer: dict[ir.Value, ir.Value] = {}
    for node in chosen:
        value = _stored(node)
        scales = [float(quantization_of(each).scale[0]) for each in _quantizers_after(node)]
        finer[value] = _pair(named, value, max(scales))
    for node in chosen:
        _rewire(named, node, finer)
    for value in [_stored(node) for node in chosen]:
        _requantize(value, finer[value])
    copy.graph.sort()
    return copy


def _takes_int16(node: ir.Node) -> bool:
    if node.op_type not in INT16_OPERATORS or is_marked(node):
        return False
    operands = node.inputs[:1] if node.op_type in WEIGHT_AXIS else node.inputs
    if not all(_is_int8(value) for value in operands):
        return False
    if node.op_type in WEIGHT_AXIS and not _fits(node):
        return False
    readers = _quantizers_after(node)
    return bool(readers) and all(reader.op_type == "QuantizeLinear" for reader in readers)


def _is_int8(value: ir.Value | None) -> bool:
    """Return True if a value is dequantized from int8."""
    source = edit.find_producer(value)
    return (
        source is not None
        and source.op_type == "DequantizeLinear"
        and quantization_of(source).dtype == "int8"
    )


def _fits(node: ir.Node) -> bool:
    """Return True if a convolution is not depthwise, with int8 weights and a bias in int32."""
    if not _is_int8(node.inputs[1]):
        return False
    inputs = edit.contents(edit.producer_of(node, 1).inputs[0]).shape[1]
    if node.attributes.get_int("group", 1) > 1 and inputs == 1:
        return False
    if len(node.inputs) < 3 or node.inputs[2] is None:
        return True
    stored_bias = edit.contents(edit.producer_of(node, 2).inputs[0]).astype(np.int64)
    return bool((np.abs(stored_bias) * FINER <= np.iinfo(np.int32).max).all())


def _stored(node: ir.Node) -> ir.Value:
    """Return what is stored of a node: the result of its Relu, if it has one."""
    follower = fused_activation(node)
    if follower is None or follower.op_type != "Relu":
        return node.outputs[0]
    return follower.outputs[0]


def _quantizers_after(node: ir.Node) -> list[ir.Node]:
    """Return the readers of a node's result, after its clip."""
    return list(stored_output(node).consumers())


def _pair(named: NamedGraph, value: ir.Value, scale: float) -> ir.Value:
    """Append a conversion to int16 and back, and return the result."""
    finer = np.asarray([scale / FINER], np.float32)
    parameters = Quantization(finer, np.zeros(1, np.int32), "int16")
    stored = append_converter(named, "QuantizeLinear", value, parameters)
    return append_converter(named, "DequantizeLinear", stored, parameters)


def _rewire(named: NamedGraph, node: ir.Node, finer: dict[ir.Value, ir.Value]) -> None:
    """Let a node read its operands in int16, and rescale its bias."""
    weighted = node.op_type in WEIGHT_AXIS
    for index in range(1 if weighted else len(node.inputs)):
        value = node.inputs[index]
        assert value is not None
        node.replace_input_with(index, _in_int16(named, value, finer))
        if edit.producer(value).inputs[0] is not None and edit.is_constant(
            edit.producer(value).inputs[0]
        ):
            edit.remove_dead(edit.producer(value))
    if weighted and len(node.inputs) > 2 and node.inputs[2] is not None:
        _rescale_bias(named, node)


def _in_int16(named: NamedGraph, value: ir.Value, finer: dict[ir.Value, ir.Value]) -> ir.Value:
    """Return the int16 form of a dequantized int8 value."""
    source = edit.producer(value)
    stored = source.inputs[0]
    assert stored is not None
    quantizer = stored.producer()
    if quantizer is not None and quantizer.inputs[0] in finer:
        return finer[quantizer.inputs[0]]
    if value not in finer:
        scale = float(quantization_of(source).scale[0])
        if edit.is_constant(stored):
            finer[value] = _constant(named, source, scale)
        else:
            finer[value] = _pair(named, value, scale)
    return finer[value]


def _constant(named: NamedGraph, source: ir.Node, scale: float) -> ir.Value:
    """Return a dequantized int8 constant as a dequantized int16 constant of the same values."""
    zero = quantization_of(source).zero_point[0]
    levels = (edit.contents(source.inputs[0]).astype(np.int32) - zero) * FINER
    stored = named.constant(f"{source.outputs[0].name}.int16", levels.astype(np.int16))
    finer = np.asarray([scale / FINER], np.float32)
    parameters = Quantization(finer, np.zeros(1, np.int32), "int16")
    return append_converter(named, "DequantizeLinear", stored, parameters)


def _rescale_bias(named: NamedGraph, node: ir.Node) -> None:
    source = edit.producer_of(node, 2)
    own = quantization_of(source)
    stored_bias = edit.contents(source.inputs[0]) * np.int32(FINER)
    stored = named.constant(f"{source.outputs[0].name}.finer", stored_bias)
    parameters = Quantization(own.scale / np.float32(FINER), own.zero_point, "int32", own.axis)
    node.replace_input_with(2, append_converter(named, "DequantizeLinear", stored, parameters))
    edit.remove_dead(source)


def _requantize(value: ir.Value, finer: ir.Value) -> None:
    """Let what read a value read its int16 form; remove int8 conversions that nobody reads."""
    own = edit.producer_of(edit.producer(finer), 0)
    for reader in [each for each in value.consumers() if each is not own]:
        reader.replace_input_with(0, finer)
        for restored in list(reader.outputs[0].consumers()):
            edit.remove_dead(restored)
