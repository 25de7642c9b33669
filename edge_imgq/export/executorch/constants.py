"""Constants of a torch program: integers with scales, or real numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.export.executorch.operators import SETTINGS
from edge_imgq.graph import edit
from edge_imgq.graph.fusion import stored_output
from edge_imgq.graph.operators import WEIGHT_AXIS


@dataclass(frozen=True)
class Constant:
    """A constant as a node reads it.

    Attributes:
        array: int8 integers, or real numbers, usually float32.
        scale: real value of one level, rank 0 or (C,); None for real numbers.
        zero_point: of the same shape as `scale`; None for real numbers.
        axis: channel axis of `array`.
    """

    array: Any
    scale: Any = None
    zero_point: Any = None
    axis: int = 0


def constants_of(model: ir.Model) -> dict[ir.Value, Constant]:
    """Map each constant value that nodes compute with to its contents.

    Left out are constants that nodes take as Python arguments (`is_setting`), scales and zero
    points. int32 biases, and weights of layers whose input or output is not quantized, are
    dequantized to float32; other integers keep their scale. PRelu slopes are flattened.
    """
    constants: dict[ir.Value, Constant] = {}
    for node in model.graph:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            continue
        for index, value in enumerate(node.inputs):
            if value is None or value in constants or is_setting(node, index):
                continue
            dequantizer = edit.find_producer(value)
            if edit.is_constant(value):
                constants[value] = Constant(_shaped(edit.contents(value), node))
            elif dequantizer is not None and _restores_constant(dequantizer):
                constants[value] = _quantized(dequantizer, node)
    return constants


def is_setting(node: ir.Node, index: int) -> bool:
    """Return True if an input is a constant such as a shape or axes, passed as a Python argument.

    `index` counts from 0. False for the first input, for weights and for computed inputs.
    """
    return index > 0 and node.op_type in SETTINGS and edit.is_constant(node.inputs[index])


def quantization(node: ir.Node) -> tuple[Any, Any]:
    """Return the scale and zero point of a QuantizeLinear or DequantizeLinear.

    Both are constant NumPy arrays: of rank 0, or (C,) with one number per channel.
    """
    scale, zero_point = (np.array(edit.contents(value)) for value in node.inputs[1:3])
    return scale, zero_point


def _restores_constant(node: ir.Node) -> bool:
    return node.op_type == "DequantizeLinear" and edit.is_constant(node.inputs[0])


def _quantized(dequantizer: ir.Node, reader: ir.Node) -> Constant:
    """Return integers, or real numbers if no integer kernel reads them.

    Biases are real too: XNNPACK's lowering quantizes them by the scales of image and weight, which
    are those of the graph.
    """
    array = np.array(edit.contents(dequantizer.inputs[0]))
    scale, zero_point = quantization(dequantizer)
    axis = dequantizer.attributes.get_int("axis", 1)
    if array.dtype == np.int32 or (reader.op_type in WEIGHT_AXIS and not _is_integer(reader)):
        sides = [-1 if index == axis else 1 for index in range(array.ndim)]
        shape = sides if scale.ndim else []
        levels = array.astype(np.float64) - zero_point.reshape(shape)
        return Constant((levels * scale.astype(np.float64).reshape(shape)).astype(np.float32))
    return Constant(array, scale, zero_point, axis)


def _is_integer(layer: ir.Node) -> bool:
    """Return True if a layer's input and output are quantized."""
    source, result = edit.find_producer(layer.inputs[0]), edit.sole_consumer(stored_output(layer))
    return (
        source is not None
        and source.op_type == "DequantizeLinear"
        and result is not None
        and result.op_type == "QuantizeLinear"
    )


def _shaped(array: Any, reader: ir.Node) -> Any:
    """Return a constant; the slopes of a PRelu flattened, as torch requires."""
    return np.array(array.reshape(-1) if reader.op_type == "PRelu" else array)
