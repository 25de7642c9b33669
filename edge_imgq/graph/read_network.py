"""Conversion of an ONNX graph, float or QDQ, to the network that lowerings read.

Four constructs are folded:

1. QuantizeLinear and DequantizeLinear become the `quantization` of the tensor between them. A
   tensor that is dequantized and quantized again with other parameters gets one Requantize
   operation.
2. A Relu or constant Clip that is the only reader of an operation, with no quantizer between,
   becomes its `activation`.
3. The fraction of a level that a QDQ graph adds after a bilinear Resize to match kernel rounding
   (`edge_imgq.quantize.qdq.resize_rounding`) is omitted.
4. Initializers become constant tensors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.errors import ModelError
from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.fusion import clip_bounds, fused_activation
from edge_imgq.graph.network import (
    REQUANTIZE,
    Activation,
    IntegerType,
    Network,
    Operation,
    Quantization,
    Tensor,
)

INTEGER_TYPES: dict[ir.DataType, IntegerType] = {
    ir.DataType.INT8: "int8",
    ir.DataType.INT16: "int16",
    ir.DataType.INT32: "int32",
}


def read_network(model: ir.Model) -> Network:
    """Convert a graph of static shapes to the network that the writers of all formats read.

    QuantizeLinear and DequantizeLinear become the `quantization` of tensors, or a Requantize where
    the parameters change, and a Relu or constant Clip that alone reads an operation its
    `activation`. Shapes and axes stay those of ONNX: NCHW, OIHW.

    Args:
        model: float ONNX, or QDQ ONNX in which every activation between operators is quantized; not
            changed.

    Raises:
        ModelError: a shape is open, or a quantizer's parameters are not constants of int8, int16 or
            int32.
    """
    return _Reader(model).read()


class _Reader:
    """One traversal of a graph."""

    def __init__(self, model: ir.Model) -> None:
        self.graph = model.graph
        self.tensors: dict[ir.Value, Tensor] = {}
        self.operations: list[Operation] = []
        self.fused: set[ir.Node] = set()

    def read(self) -> Network:
        """Convert all nodes in order and return the network."""
        inputs = tuple(
            self._define(value) for value in self.graph.inputs if not value.is_initializer()
        )
        for node in self.graph:
            if node.op_type == "QuantizeLinear":
                self._quantize(node)
            elif node.op_type == "DequantizeLinear":
                self._dequantize(node)
            elif node not in self.fused:
                self._operate(node)
        outputs = tuple(self.tensors[value] for value in self.graph.outputs)
        results = tuple(str(value.name) for value in self.graph.outputs)
        name, operations = self.graph.name or "network", tuple(self.operations)
        return Network(name, inputs, outputs, operations, results)

    def _define(self, value: ir.Value) -> Tensor:
        """Create the tensor of a computed or input value."""
        shape, logical = _static_shape(value), value.dtype is ir.DataType.BOOL
        tensor = Tensor(value.name or "", shape, _quantization_after(value), logical=logical)
        self.tensors[value] = tensor
        return tensor

    def _constant(self, value: ir.Value) -> Tensor:
        logical = value.dtype is ir.DataType.BOOL
        return Tensor(value.name or "", _static_shape(value), None, constant(value), logical)

    def _quantize(self, node: ir.Node) -> None:
        source, target = _operand(node, 0), node.outputs[0]
        tensor = self.tensors[source]
        parameters = quantization_of(node)
        if same_quantization(tensor.quantization, parameters):
            self.tensors[target] = tensor
            return
        moved = Tensor(target.name or "", tensor.shape, parameters)
        self.tensors[target] = moved
        self.operations.append(Operation(REQUANTIZE, node.name or "", (tensor,), (moved,), {}))

    def _dequantize(self, node: ir.Node) -> None:
        source, target = _operand(node, 0), node.outputs[0]
        if source.is_initializer():
            self.tensors[target] = Tensor(
                source.name or "", _static_shape(source), quantization_of(node), constant(source)
            )
        else:
            self.tensors[target] = self.tensors[source]

    def _operate(self, node: ir.Node) -> None:
        activation, last = self._activation_after(node)
        inputs = tuple(None if value is None else self._input(value) for value in node.inputs)
        outputs = tuple(
            self._define(last if index == 0 else value) for index, value in enumerate(node.outputs)
        )
        attributes = {
            name: plain_attribute(attribute) for name, attribute in node.attributes.items()
        }
        name, in_float = node.name or "", is_marked(node)
        self.operations.append(
            Operation(node.op_type, name, inputs, outputs, attributes, activation, in_float)
        )

    def _input(self, value: ir.Value) -> Tensor:
        if value in self.tensors:
            return self.tensors[value]
        return self._constant(value)

    def _activation_after(self, node: ir.Node) -> tuple[Activation | None, ir.Value]:
        """Return the activation fused into a node, and the value that becomes its output."""
        rounding = _rounding_after(node)
        if rounding is not None:
            self.fused.add(rounding)
            return None, rounding.outputs[0]
        follower = fused_activation(node)
        if follower is None:
            return None, node.outputs[0]
        self.fused.add(follower)
        return clip_bounds(follower), follower.outputs[0]


def _rounding_after(node: ir.Node) -> ir.Node | None:
    """Return the Add that breaks ties between a Resize and its quantizer, or None.

    Its position identifies it: no other Add lies between an operator and its quantizer.
    """
    adding = edit.sole_consumer(node.outputs[0]) if node.op_type == "Resize" else None
    if adding is None or adding.op_type != "Add":
        return None
    quantizer = edit.sole_consumer(adding.outputs[0])
    if quantizer is None or quantizer.op_type != "QuantizeLinear":
        return None
    shift, level = _operand(adding, 1), quantization_of(quantizer).scale[0]
    fits = edit.is_constant(shift) and edit.contents(shift).size == 1
    return adding if fits and 0 <= float(edit.contents(shift)) < level / 2 else None


def quantization_of(node: ir.Node) -> Quantization:
    """Return scale, zero point, axis and integer type of a QuantizeLinear or DequantizeLinear.

    Scale and zero point are float32 and int32, (1,) or (channels,). The axis, 1 if the node states
    none, is set only for more than one scale.

    Raises:
        ModelError: the zero point is absent, its type is not int8, int16 or int32, or a parameter
            is computed.
    """
    scale = constant(_operand(node, 1)).astype(np.float32).reshape(-1)
    zero = _operand(node, 2)
    integers = INTEGER_TYPES.get(zero.dtype) if zero.dtype is not None else None
    if integers is None:
        raise ModelError(
            f"{node.op_type} '{node.name}' stores {zero.dtype}; int8, int16 and int32 are known."
        )
    axis = node.attributes.get_int("axis", 1) if scale.size > 1 else None
    return Quantization(scale, constant(zero).astype(np.int32).reshape(-1), integers, axis)


def same_quantization(one: Quantization | None, other: Quantization | None) -> bool:
    """Return True if two quantizations have equal scales, zero points, axes and integer types.

    Then equal real values are equal integers. None, for a float tensor, equals only None.
    """
    if one is None or other is None:
        return one is other
    return (
        one.dtype == other.dtype
        and one.axis == other.axis
        and np.array_equal(one.scale, other.scale)
        and np.array_equal(one.zero_point, other.zero_point)
    )


def _quantization_after(value: ir.Value) -> Quantization | None:
    """Return the parameters of the first QuantizeLinear that reads a value, or None."""
    for consumer in value.consumers():
        if consumer.op_type == "QuantizeLinear":
            return quantization_of(consumer)
    return None


def constant(value: ir.Value) -> Any:
    """Return the contents of a constant value as a NumPy array, shape and dtype as stored.

    Raises:
        ModelError: the value is computed at run time.
    """
    if value.const_value is None:
        raise ModelError(
            f"'{value.name}' is computed at run time where a constant is needed; "
            "a phone file needs it fixed."
        )
    return value.const_value.numpy()


def _static_shape(value: ir.Value) -> tuple[int, ...]:
    if value.shape is None or not value.shape.is_static():
        raise ModelError(f"The shape of '{value.name}' is open: {value.shape}. Pass --size HxW.")
    return tuple(value.shape.numpy())


def _operand(node: ir.Node, index: int) -> ir.Value:
    value = node.inputs[index]
    if value is None:
        raise ModelError(f"{node.op_type} '{node.name}' has no input {index}.")
    return value


def plain_attribute(attribute: ir.Attr) -> Any:
    """Return an ONNX attribute as a Python value: int, float, str, a tuple of these, or an array.

    Lists become tuples and tensors NumPy arrays of their dtype.
    """
    if attribute.type is ir.AttributeType.STRING:
        return attribute.as_string()
    if attribute.type is ir.AttributeType.TENSOR:
        return attribute.as_tensor().numpy()
    value = attribute.value
    return tuple(value) if isinstance(value, list | tuple) else value
