"""Float or QDQ graph as a torch module, for `torch.export`.

A quantized graph is expressed as by torch's PT2E quantization: `quantized_decomposed` operators
around float operators, with the integers, scales and zero points of the graph. Backends expect a
separate dequantization at each input of an operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx_ir as ir
import torch
from torch import Tensor, nn
from torch.ao.quantization.fx import _decomposed  # noqa: F401  # registers quantized_decomposed

from edge_imgq.export.executorch.constants import Constant, constants_of, is_setting, quantization
from edge_imgq.export.executorch.operators import LOWERINGS, depth_to_space_moves
from edge_imgq.graph import edit
from edge_imgq.graph.ports.port_feeds import graph_inputs
from edge_imgq.quantize.ranges.ranges import INT8_HIGH, INT8_LOW

DECOMPOSED: Any = torch.ops.quantized_decomposed
INT8 = (INT8_LOW, INT8_HIGH, torch.int8)

Values = Mapping[ir.Value, Tensor]


class TorchProgram(nn.Module):
    """A graph bound to a size as a torch module.

    Attributes:
        nodes: in execution order, without DequantizeLinear, which is computed at each reader.
        images: the inputs, the photograph first; float32 (N, C, H, W).
    """

    def __init__(self, model: ir.Model) -> None:
        super().__init__()
        self.nodes = [node for node in model.graph if node.op_type != "DequantizeLinear"]
        self.images = graph_inputs(model.graph)
        self._outputs = tuple(model.graph.outputs)
        self._constants = constants_of(model)
        self._names = {value: f"constant_{i}" for i, value in enumerate(self._constants)}
        for value, constant in self._constants.items():
            self._register(self._names[value], constant)

    def forward(self, *images: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Compute the graph's outputs, float32 (N, C, H, W), from the float32 images of `images`.

        A single output is returned itself.

        Quantized values are rounded to int8 levels, and dequantized at each reader: torch's kernels
        compute in float32 on the same levels as the QDQ graph.
        """
        values = dict(zip(self.images, images, strict=True))
        for node in self.nodes:
            results = self.results(node, values)
            values.update(zip(node.outputs, results, strict=True))
        results = tuple(self._real(output, values) for output in self._outputs)
        return results if len(results) > 1 else results[0]

    def _register(self, name: str, constant: Constant) -> None:
        self.register_buffer(name, torch.from_numpy(constant.array))
        if np.ndim(constant.scale):
            self.register_buffer(f"{name}_scale", torch.from_numpy(constant.scale))
            zero_point = constant.zero_point.astype(np.int64)
            self.register_buffer(f"{name}_zero_point", torch.from_numpy(zero_point))

    def results(self, node: ir.Node, values: Values) -> tuple[Tensor, ...]:
        """Compute a node's outputs from earlier values.

        `values` maps earlier results and images to tensors, quantized ones to their int8 levels;
        the result of a QuantizeLinear is int8 too.

        Raises:
            NotCoveredError: torch cannot express this use of the operator.
        """
        if node.op_type == "QuantizeLinear":
            return (_quantized(self._real(node.inputs[0], values), *quantization(node)),)
        if node.op_type == "DepthToSpace" and (moved := self._moved(node, values)) is not None:
            return (moved,)
        inputs = [self._operand(node, index, values) for index in range(len(node.inputs))]
        result = LOWERINGS[node.op_type](node, inputs)
        return result if isinstance(result, tuple) else (result,)

    def _moved(self, node: ir.Node, values: Values) -> Tensor | None:
        """Compute a quantized DepthToSpace, requantized after each move; None for a float one."""
        dequantizer = edit.find_producer(node.inputs[0])
        if dequantizer is None or dequantizer.op_type != "DequantizeLinear":
            return None
        result, parameters = self._real(node.inputs[0], values), quantization(dequantizer)
        *moves, last = depth_to_space_moves(node, result.shape)
        for move in moves:
            result = _dequantized(_quantized(move(result), *parameters), *parameters)
        return last(result)

    def _operand(self, node: ir.Node, index: int, values: Values) -> Any:
        value = node.inputs[index]
        if is_setting(node, index):
            return edit.contents(value)
        return None if value is None else self._real(value, values)

    def _real(self, value: ir.Value | None, values: Values) -> Tensor:
        """Return the real numbers of a value, dequantized separately for each reader."""
        assert value is not None
        if value in self._constants:
            return self._constant(value)
        producer = edit.find_producer(value)
        if producer is None or producer.op_type != "DequantizeLinear":
            return values[value]
        stored = producer.inputs[0]
        assert stored is not None
        return _dequantized(values[stored], *quantization(producer))

    def _constant(self, value: ir.Value) -> Tensor:
        name, constant = self._names[value], self._constants[value]
        stored = self.get_buffer(name)
        if constant.scale is None:
            return stored
        if not np.ndim(constant.scale):
            return _dequantized(stored, constant.scale, constant.zero_point)
        result: Tensor = DECOMPOSED.dequantize_per_channel(
            stored,
            self.get_buffer(f"{name}_scale"),
            self.get_buffer(f"{name}_zero_point"),
            constant.axis,
            *INT8,
        )
        return result


def _quantized(real: Tensor, scale: Any, zero_point: Any) -> Tensor:
    stored: Tensor = DECOMPOSED.quantize_per_tensor(real, float(scale), int(zero_point), *INT8)
    return stored


def _dequantized(stored: Tensor, scale: Any, zero_point: Any) -> Tensor:
    real: Tensor = DECOMPOSED.dequantize_per_tensor(stored, float(scale), int(zero_point), *INT8)
    return real
