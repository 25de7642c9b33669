"""A quantized graph in which every rounding can be switched off by itself.

Behind each pair of QuantizeLinear and DequantizeLinear stands Where(switch, rounded, exact); the
exact form of a weight is the float model's. So one session answers for any set of roundings, and a
question costs one run of a few patches. The image's own rounding, at both ends, has no switch.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.ports.port_feeds import session_entries, split_ports
from edge_imgq.graph.shapes.size import open_input
from edge_imgq.quantize.mixed_precision.float_layers import layers
from edge_imgq.runtime.onnxruntime import inference_session

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_ERROR = 1e-10
"""Squared error that counts for patches without any, so that their dB are a number: 100."""


class LayerAblation:
    """Runs a quantized graph with some of its roundings.

    Attributes:
        names: of all switches: a value's name, or what `weights_of` says.
    """

    def __init__(
        self, original: ir.Model, quantized: ir.Model, batch: NDArray[np.float32], peak: float
    ) -> None:
        """Build the graph.

        Args:
            original: the float model, nodes under the same names.
            quantized: its QDQ graph; it is not changed.
            batch: network inputs (N, C, H, W).
            peak: float value of pixel 255.
        """
        self._batch, self._peak = batch, peak
        self._wanted = self._images(_session(original, optimise=True), {})
        model = quantized.clone()
        switches = _Switches(model.graph)
        _switch_roundings(model.graph, switches)
        _switch_weights(model.graph, original.graph, switches)
        model.graph.sort()
        self.names = switches.names
        self._switched: Any = _session(model, optimise=False)
        self._exact = self._run(())

    def errors(self, rounded: Collection[str]) -> NDArray[np.float64]:
        """Return the squared error that roundings cause in each patch's image.

        As a share of the pixel range's square; the rounding to pixels is not counted.

        Args:
            rounded: the switches that are on; the others stay exact.
        """
        return self._squares(self._run(rounded) - self._exact)

    def psnr(self, rounded: Collection[str]) -> float:
        """Return dB to the float model's image, mean over patches; rounding to pixels counts."""
        return decibels(self._squares(self._run(rounded) - self._wanted))

    def _run(self, rounded: Collection[str]) -> NDArray[np.float32]:
        feeds = {SWITCH + name: np.array(name in rounded) for name in self.names}
        return self._images(self._switched, feeds)

    def _images(self, session: Any, feeds: dict[str, Any]) -> NDArray[np.float32]:
        entries = session_entries(session)
        patches = (split_ports(patch[np.newaxis], entries) for patch in self._batch)
        images = [session.run(None, {**patch, **feeds})[0] for patch in patches]
        result: NDArray[np.float32] = np.concatenate(images).clip(0, self._peak)
        return result

    def _squares(self, difference: NDArray[np.float32]) -> NDArray[np.float64]:
        share = np.square(difference / self._peak, dtype=np.float64)
        result: NDArray[np.float64] = np.mean(share, axis=(1, 2, 3))
        return result


def _session(model: ir.Model, *, optimise: bool) -> Any:
    proto = ir.to_proto(model)
    open_input(proto)
    return inference_session(proto.SerializeToString(), optimise=optimise)


def decibels(errors: NDArray[np.float64]) -> float:
    """Return the mean PSNR of images with these squared errors."""
    return float(np.mean(-10 * np.log10(np.maximum(errors, LEAST_ERROR))))


def weights_of(layer: str) -> str:
    """Return the name of the switch of a layer's weights."""
    return f"{layer}/weights"


SWITCH = "switch/"


class _Switches:
    """The inputs that turn roundings on."""

    def __init__(self, graph: ir.Graph) -> None:
        self._graph = graph
        self._inputs: dict[str, ir.Value] = {}

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._inputs)

    def choose(self, name: str, rounded: ir.Value, exact: ir.Value) -> None:
        """Let all that reads a rounded value read the exact one while the switch is off."""
        if name not in self._inputs:
            switch = ir.Value(name=SWITCH + name, type=ir.TensorType(ir.DataType.BOOL))
            switch.shape = ir.Shape([])
            self._graph.inputs.append(switch)
            self._inputs[name] = switch
        readers = list(rounded.uses())
        node = ir.node("Where", [self._inputs[name], rounded, exact], name=f"{rounded.name}.choice")
        node.outputs[0].name = node.name
        self._graph.append(node)
        for reader, index in readers:
            reader.replace_input_with(index, node.outputs[0])


def _switch_roundings(graph: ir.Graph, switches: _Switches) -> None:
    images = {value for value in graph.inputs if not value.is_initializer()}
    for node in list(graph):
        source = node.inputs[0] if node.op_type == "QuantizeLinear" else None
        if source is None or source in images:
            continue
        for reader in list(node.outputs[0].consumers()):
            if not reader.outputs[0].is_graph_output():
                switches.choose(source.name or "", reader.outputs[0], source)


def _switch_weights(graph: ir.Graph, original: ir.Graph, switches: _Switches) -> None:
    twins = {node.name: node for node in layers(original)}
    for node in list(graph):
        if node.name not in twins or twins[node.name].op_type != node.op_type:
            continue
        for index in (1, 2):
            stored, exact = node.inputs[index], twins[node.name].inputs[index]
            if stored is None or exact is None or edit.is_constant(stored):
                continue
            copy = edit.add_constant(graph, f"{exact.name}.exact", edit.contents(exact))
            switches.choose(weights_of(node.name or ""), stored, copy)
