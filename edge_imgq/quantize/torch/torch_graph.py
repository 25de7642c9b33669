"""A float or QDQ graph as a differentiable torch module.

Activations between QuantizeLinear and DequantizeLinear are rounded and clipped to their scale. The
gradient passes straight through the rounding and is zero where a value was clipped (Bengio et al.,
"Estimating or Propagating Gradients Through Stochastic Neurons", 2013). Integer weights become
parameters in levels of their scale, so one learning rate suits all layers; int32 biases, whose
rounding is negligible, become parameters in levels of the layer's output.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir
import torch
from torch import Tensor, nn

from edge_imgq.graph import edit
from edge_imgq.graph.operators import QUANTIZING, WEIGHT_AXIS
from edge_imgq.graph.ports.port_feeds import graph_inputs, split_ports
from edge_imgq.quantize.qdq.weights import WEIGHT_HIGH, as_int32
from edge_imgq.quantize.ranges.ranges import INT8_HIGH, INT8_LOW
from edge_imgq.quantize.torch.torch_inputs import NotCoveredError
from edge_imgq.quantize.torch.torch_operators import OPERATORS
from edge_imgq.quantize.torch.torch_shapes import shape_arithmetic, shape_values


@dataclass(frozen=True)
class Stored:
    """Location and units of a parameter in the graph.

    A real value is parameter · unit = integer · scale.

    Attributes:
        node: DequantizeLinear node of the integer constant.
        unit: real value of one unit of the parameter, float32; a shape that broadcasts over it.
        scale: real value of one integer, float32; a shape that broadcasts over the constant.
        rounded: whether the parameter is rounded to integers when run, as int8 weights are.
    """

    node: ir.Node
    unit: Tensor
    scale: Tensor
    rounded: bool


class TorchGraph(nn.Module):
    """A float or QDQ graph as a differentiable torch module on batches (N, C, H, W).

    C is the sum of the channels of all inputs (`edge_imgq.graph.ports.port_feeds.split_ports`).
    QuantizeLinear rounds and clips as in int8, with a gradient that passes straight through the
    rounding and is 0 where a value was clipped. Integer weights and biases of convolutions are
    parameters.
    """

    def __init__(self, model: ir.Model) -> None:
        """Build the module from a float or QDQ model, which only `write_back` changes.

        Raises:
            NotCoveredError: an operator has no torch implementation; the message names it.
        """
        super().__init__()
        self._nodes = list(model.graph)
        self._of_shapes = shape_arithmetic(self._nodes)
        for node in self._nodes:
            if not self._covers(node):
                raise NotCoveredError(f"{node.op_type} has no torch form")
        self._inputs = {str(v.name): v for v in graph_inputs(model.graph)}
        self._outputs = tuple(model.graph.outputs)
        self.levels = nn.ParameterList()
        self._stored: list[Stored] = []
        self._learned: dict[ir.Node, int] = {}
        for node in self._nodes:
            if node.op_type in WEIGHT_AXIS:
                self._learn_constants(node)
        self._constants = _constants(model.graph)
        self._last_use = _last_uses(self._nodes)

    def forward(self, image: Tensor) -> Tensor:
        """Run the graph; return the output image (N, C, H, W), several ones as `joined` does.

        `image` is float32 (N, C, H, W), all inputs concatenated along C (as `split_ports` divides
        them), in the values of the graph's inputs. Outputs equal ONNX Runtime's up to float32
        rounding, which may move a quantized value by one level.

        Raises:
            NotCoveredError: a use of an operator has no torch implementation.
        """
        return self.joined(self.trace(image, ()))

    def joined(self, values: Mapping[ir.Value, Tensor]) -> Tensor:
        """Concatenate outputs (N, C, H, W) along C, enlarged to the first one's size.

        `values` holds every output of the graph. Enlargement copies nearest neighbours; one output
        is returned as it is.
        """
        first, *others = (values[value] for value in self._outputs)
        if not others:
            return first
        sides = first.shape[2:]
        return torch.cat([first, *(nn.functional.interpolate(x, sides) for x in others)], 1)

    def trace(self, image: Tensor, observed: Collection[ir.Value]) -> dict[ir.Value, Tensor]:
        """Run the graph; return the observed values and the outputs as tensors, by value.

        Observed values that do not depend on the image, such as a constant plane, become leaves, so
        that the output image has a gradient with respect to them too. Values that no node computes
        or reads are left out.

        Args:
            image: float32 (N, C, H, W), all inputs concatenated along C.
            observed: values of the graph to return.

        Raises:
            NotCoveredError: a use of an operator has no torch implementation.
        """
        kept: dict[ir.Value, Tensor] = {}
        for _, values in self.walk(image):
            for value in observed:
                if value in values and value not in kept:
                    kept[value] = values[value] = _differentiable(values[value])
        return kept | {value: values[value] for value in self._outputs}

    def walk(self, image: Tensor) -> Iterator[tuple[ir.Node | None, dict[ir.Value, Any]]]:
        """Run the graph node by node.

        Yields each node before it runs, with a dictionary of the values that later nodes still need
        (tensors by value), which the caller may change; at the end None, with the outputs. Changed
        constants of the graph take effect after `reload`.

        Args:
            image: float32 (N, C, H, W), all inputs concatenated along C.

        Raises:
            NotCoveredError: a use of an operator has no torch implementation.
        """
        values: dict[ir.Value, Any] = dict(self._constants)
        entries = [(name, tuple(v.shape or ())) for name, v in self._inputs.items()]
        for name, channels in split_ports(image, entries).items():
            values[self._inputs[name]] = channels
        for node in self._nodes:
            yield node, values
            results = self._run(node, values)
            values.update(zip(node.outputs, results, strict=True))
            for spent in self._last_use.get(node, ()):
                values.pop(spent, None)
        yield None, values

    def _run(self, node: ir.Node, values: dict[ir.Value, Any]) -> tuple[Tensor, ...]:
        if node in self._learned:
            return (self._value_of(self._learned[node]),)
        inputs: list[Any] = [None if value is None else values[value] for value in node.inputs]
        if node.op_type == "QuantizeLinear":
            return (_rounded(inputs[0], node),)
        if node.op_type == "DequantizeLinear":
            return (inputs[0],)
        if node in self._of_shapes:
            return shape_values(node, inputs)
        result = OPERATORS[node.op_type](node, inputs)
        return result if isinstance(result, tuple) else (result,)

    def _covers(self, node: ir.Node) -> bool:
        known = node.op_type in OPERATORS or node.op_type in QUANTIZING
        return known or node in self._of_shapes

    def _value_of(self, index: int) -> Tensor:
        stored, levels = self._stored[index], self.levels[index]
        if stored.rounded:
            levels = torch.fake_quantize_per_tensor_affine(
                levels, 1.0, 0, -WEIGHT_HIGH, WEIGHT_HIGH
            )
        value: Tensor = levels * stored.unit
        return value

    def _learn_constants(self, node: ir.Node) -> None:
        for index in (1, 2):
            value = node.inputs[index] if len(node.inputs) > index else None
            restore = edit.find_producer(value)
            if restore is None or restore.op_type != "DequantizeLinear":
                continue
            if restore in self._learned:
                continue
            self._learned[restore] = len(self._stored)
            self._add(restore, node, is_weight=index == 1)

    def _add(self, restore: ir.Node, layer: ir.Node, is_weight: bool) -> None:
        integers = edit.contents(restore.inputs[0])
        scale = _shaped(edit.contents(restore.inputs[1]), restore, integers.ndim)
        unit = scale if is_weight else torch.tensor(output_scale(layer))
        stored = Stored(restore, unit.float(), scale, is_weight)
        self.levels.append(nn.Parameter(_levels(restore, stored)))
        self._stored.append(stored)

    @torch.no_grad()
    def reload(self, layer: ir.Node, values: dict[ir.Value, Any]) -> None:
        """Set the parameters of a layer to its integer weight and bias in the graph.

        A constant that is not a quantized weight or bias is left unchanged.

        Args:
            layer: convolution that `walk` is about to run.
            values: values that `walk` yielded with it; weight and bias are replaced.
        """
        for value in layer.inputs[1:3]:
            restore = edit.find_producer(value)
            if value is not None and restore in self._learned:
                index = self._learned[restore]
                self.levels[index].copy_(_levels(restore, self._stored[index]))
                values[value] = self._value_of(index)

    def weights(self) -> list[nn.Parameter]:
        """Return the parameters of int8 weights, which are rounded to integers when run.

        They are float32 of the weights' shapes (OIHW), in levels of their scales: −127 to 127.
        """
        return [p for p, s in zip(self.levels, self._stored, strict=True) if s.rounded]

    def biases(self) -> list[nn.Parameter]:
        """Return the parameters of int32 biases, which are not rounded when run.

        They are float32, (channels,), in levels of the layer's output scale.
        """
        return [p for p, s in zip(self.levels, self._stored, strict=True) if not s.rounded]

    def state_dict_copy(self) -> dict[str, Tensor]:
        """Return copies of all parameters by name, float32, as `load_state_dict` takes them."""
        return {name: tensor.clone() for name, tensor in self.state_dict().items()}

    @torch.no_grad()
    def write_back(self) -> None:
        """Round the parameters and write them into the integer constants of the graph, in place.

        Weights become int8 in −127 … 127, biases int32 at their own scale. Both saturate and round
        half to even. Scales are not changed.
        """
        for levels, stored in zip(self.levels, self._stored, strict=True):
            real = levels.double() * stored.unit.double() / stored.scale.double()
            if stored.rounded:
                integers = levels.round().clamp(-WEIGHT_HIGH, WEIGHT_HIGH).to(torch.int8).numpy()
            else:
                integers = as_int32(real.numpy())
            edit.replace_contents(stored.node.inputs[0], integers)


def _differentiable(values: Tensor) -> Tensor:
    """Return a tensor that requires a gradient: the same one if it already does."""
    return values if values.requires_grad else values.detach().requires_grad_()


def _levels(restore: ir.Node, stored: Stored) -> Tensor:
    integers = torch.from_numpy(edit.contents(restore.inputs[0]).astype(np.float64))
    return (integers * stored.scale.double() / stored.unit.double()).float()


def output_scale(layer: ir.Node) -> float:
    """Return the scale of the QuantizeLinear after a layer, or after the activation fused into it.

    The layer's result must have one reader, a QuantizeLinear of one scale for the whole tensor, or
    an activation with such a reader.
    """
    (reader,) = layer.outputs[0].consumers()
    if reader.op_type != "QuantizeLinear":
        (reader,) = reader.outputs[0].consumers()
    return float(edit.contents(reader.inputs[1]))


def _rounded(values: Tensor, node: ir.Node) -> Tensor:
    scale, zero_point = (edit.contents(value) for value in node.inputs[1:3])
    return torch.fake_quantize_per_tensor_affine(
        values, float(scale), int(zero_point), INT8_LOW, INT8_HIGH
    )


def _shaped(scale: Any, restore: ir.Node, rank: int) -> Tensor:
    """Reshape a scale so that it broadcasts over integers with `rank` axes."""
    tensor = torch.tensor(np.asarray(scale), dtype=torch.float32)
    if tensor.ndim == 0:
        return tensor
    axis = restore.attributes.get_int("axis", 1)
    return tensor.reshape([-1 if i == axis else 1 for i in range(rank)])


def _constants(graph: ir.Graph) -> dict[ir.Value, Tensor | None]:
    """Convert every constant to a tensor; quantized ones are dequantized."""
    constants: dict[ir.Value, Tensor | None] = {}
    for value in graph.initializers.values():
        readers = value.consumers()
        if any(reader.op_type == "DequantizeLinear" for reader in readers):
            constants[value] = _restored(value, readers[0])
        else:
            constants[value] = torch.from_numpy(np.array(edit.contents(value)))
    return constants


def _restored(value: ir.Value, node: ir.Node) -> Tensor:
    array = edit.contents(value)
    if node.inputs[0] is not value:
        return torch.from_numpy(np.array(array))
    scale = _shaped(edit.contents(node.inputs[1]), node, array.ndim)
    zero_point = _shaped(edit.contents(node.inputs[2]), node, array.ndim)
    return (torch.from_numpy(array.astype(np.float32)) - zero_point) * scale


def _last_uses(nodes: list[ir.Node]) -> dict[ir.Node, list[ir.Value]]:
    """Map each node to the values that no later node reads."""
    last: dict[ir.Value, ir.Node] = {}
    for node in nodes:
        last.update((value, node) for value in node.inputs if value is not None)
    spent: dict[ir.Node, list[ir.Value]] = {}
    for value, node in last.items():
        if not value.is_initializer() and not value.is_graph_output():
            spent.setdefault(node, []).append(value)
    return spent
