"""Estimate the time of a network with some layers in float and the rest in int8.

Times of operators come from a kernel profile (`edge_imgq.kernels`), for convolutions as a TFLite
file would rewrite them. Every element that is quantized or dequantized adds a conversion. The
estimate compares choices for one network; `bench` measures the time of a file.
"""

from __future__ import annotations

from collections.abc import Collection
from math import prod

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.cost.conv_slots import conv_rewrite
from edge_imgq.graph.cost.operation_time import operation_time
from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.network import Operation
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.shapes.size import bind_size, own_size
from edge_imgq.kernels.profile import KernelProfile, TimedProfile
from edge_imgq.kernels.x86 import X86_VNNI
from edge_imgq.quantize.mixed_precision.float_layers import float_nodes, is_inner, layers


class LayerTimes:
    """Estimated time of a network as a function of its float layers.

    Attributes:
        plain: nanoseconds with all layers in int8.
    """

    def __init__(self, graph: ir.Graph, profile: TimedProfile) -> None:
        """Compute the time of each operator in int8 and in float.

        Args:
            graph: float graph with static shapes.
            profile: kernel times of the processor.
        """
        self._graph, self._profile = graph, profile
        self._marked = {node for node in graph if is_marked(node)}
        only = profile.no_integer_kernel - profile.tabled
        self._only = {node for node in graph if node.op_type in only}
        operations = {op.name: op for op in read_network(ir.Model(graph, ir_version=10)).operations}
        self._times = {
            node: tuple(self._time(node, operations, in_float=kept) for kept in (False, True))
            for node in graph
        }
        values = [*graph.inputs, *(value for node in graph for value in node.outputs)]
        self._values = [value for value in values if not value.is_initializer()]
        self.plain = self.total(()) or 1.0

    def total(self, names: Collection[str]) -> float:
        """Estimate the time of the network in nanoseconds with the named layers in float.

        Conversions between int8 and float are included. Nodes that are marked float stay so. Names
        that no layer has are ignored.
        """
        return sum(self.by_node(names).values())

    def by_node(self, names: Collection[str]) -> dict[str, float]:
        """Estimate the time of each node in nanoseconds, by name, with the named layers in float.

        Conversions between int8 and float are under the name "". Names that no layer has are
        ignored.
        """
        exact = float_nodes(self._graph, names) | self._marked
        floats = exact | self._only
        nanoseconds = {_name(node): times[node in floats] for node, times in self._times.items()}
        profile, images = self._profile, [*self._graph.inputs, *self._graph.outputs]
        pixels = sum(_elements(value) for value in images if not value.is_initializer())
        converted = self._converted(exact, floats)
        times = profile.times
        return nanoseconds | {"": times.conversion * converted + times.pixel * pixels}

    def _time(self, node: ir.Node, operations: dict[str, Operation], *, in_float: bool) -> float:
        operation = operations.get(_name(node))
        if operation is None:
            return 0.0  # fused to the layer before it
        if node.op_type == "Conv" and _is_plain(node):
            rewrite = conv_rewrite(node, self._profile, quantized=not in_float)
            share, (_, _, *sides) = rewrite.positions, operation.output.shape
            convolution = self._profile.times.of(in_float=in_float).convolution
            cost = convolution.time(share, rewrite.taps / share, rewrite.slots / share)
            return prod(sides) * cost
        return operation_time(operation, self._profile, in_float=in_float)

    def _converted(self, exact: set[ir.Node], floats: set[ir.Node]) -> int:
        """Count the elements that are quantized or dequantized around float nodes.

        Args:
            exact: float nodes between which nothing is rounded.
            floats: these plus nodes without an integer kernel.
        """
        total = 0
        for value in self._values:
            if is_inner(value, exact):
                continue
            edges = (value.producer() in floats) + any(n in floats for n in value.consumers())
            if edges:
                total += edges * _elements(value)
        return total


def _is_plain(node: ir.Node) -> bool:
    return edit.is_constant(node.inputs[1]) and node.attributes.get_int("group", 1) == 1


def _name(node: ir.Node) -> str:
    return node.name or node.outputs[0].name or ""


def _elements(value: ir.Value) -> int:
    lengths = value.shape if value.shape is not None else ()
    return prod(length for length in lengths if isinstance(length, int))


def share_of_float_time(model: ir.Model, size: tuple[int, int], profile: KernelProfile) -> float:
    """Estimate the time of a graph as a share of its time with all layers in float; 1 is equal.

    For processors without measured times, those of x86 with VNNI are used: phones also have int8
    dot products.

    Args:
        model: float graph with precision marks.
        size: height and width of the estimate if the graph takes any.
        profile: kernel profile of the processor.

    Raises:
        ModelError: the graph does not fit the size.
    """
    graph = bind_size(model, own_size(model) or size).graph
    times = LayerTimes(graph, profile if isinstance(profile, TimedProfile) else X86_VNNI)
    return times.plain / times.total([node.name or "" for node in layers(graph)])
