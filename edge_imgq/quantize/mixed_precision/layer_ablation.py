"""A quantized graph in which each rounding can be switched off separately.

A Where(switch, rounded, exact) node follows each QuantizeLinear/DequantizeLinear pair; the exact
version of a weight is that of the float model. One session thus serves any set of roundings, at the
cost of one run over a few patches. The input and output images are always rounded.
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

MIN_ERROR = 1e-10
"""Lower bound of the squared error of a patch, so that PSNR is at most 100 dB."""


class LayerAblation:
    """Runs a quantized graph with a subset of its roundings.

    Attributes:
        names: all roundings: names of activations, and `weights_of` names of layers.
    """

    def __init__(
        self, original: ir.Model, quantized: ir.Model, batch: NDArray[np.float32], peak: float
    ) -> None:
        """Build the graph with an input per rounding and run the float and the exact references.

        Args:
            original: float model with the same node names; it is not changed.
            quantized: QDQ graph of it; it is not changed.
            batch: network inputs, float32 (N, C, H, W), 0 … peak.
            peak: float value of pixel 255.
        """
        self._batch, self._peak = batch, peak
        self._wanted = self._images(_session(original, optimise=True), {})
        model = quantized.clone()
        inputs = _AblationInputs(model.graph)
        _switch_roundings(model.graph, inputs)
        _switch_weights(model.graph, original.graph, inputs)
        model.graph.sort()
        self.names = inputs.names
        self._session: Any = _session(model, optimise=False)
        self._exact = self._run(())

    def errors(self, rounded: Collection[str]) -> NDArray[np.float64]:
        """Return the mean squared error that roundings cause in each patch's output, float64 (N,).

        The unit is the squared pixel range, and outputs are clipped to it. Rounding to pixels is in
        both images and not counted.

        Args:
            rounded: names of the roundings that are on; all others compute exactly. Unknown names
                are ignored.
        """
        return self._squares(self._run(rounded) - self._exact)

    def psnr(self, rounded: Collection[str]) -> float:
        """Compute the PSNR in dB to the float model, mean over patches, each at most 100 dB.

        Rounding to pixels is included.

        Args:
            rounded: names of the roundings that are on; all others compute exactly. Unknown names
                are ignored.
        """
        return decibels(self._squares(self._run(rounded) - self._wanted))

    def _run(self, rounded: Collection[str]) -> NDArray[np.float32]:
        feeds = {SWITCH + name: np.array(name in rounded) for name in self.names}
        return self._images(self._session, feeds)

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
    """Convert mean squared errors (N,), in squared pixel ranges, to PSNR in dB and average them.

    Each counts as at most 100 dB.
    """
    return float(np.mean(-10 * np.log10(np.maximum(errors, MIN_ERROR))))


def weights_of(layer: str) -> str:
    """Return the name of the rounding of a layer's weights: "<layer>/weights"."""
    return f"{layer}/weights"


SWITCH = "switch/"


class _AblationInputs:
    """The boolean graph inputs that turn roundings on."""

    def __init__(self, graph: ir.Graph) -> None:
        self._graph = graph
        self._inputs: dict[str, ir.Value] = {}

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._inputs)

    def choose(self, name: str, rounded: ir.Value, exact: ir.Value) -> None:
        """Redirect the readers of a rounded value to the exact one while the rounding is off.

        `name` is that of the layer; all roundings of one name are switched together.
        """
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


def _switch_roundings(graph: ir.Graph, inputs: _AblationInputs) -> None:
    images = {value for value in graph.inputs if not value.is_initializer()}
    for node in list(graph):
        source = node.inputs[0] if node.op_type == "QuantizeLinear" else None
        if source is None or source in images:
            continue
        for reader in list(node.outputs[0].consumers()):
            if not reader.outputs[0].is_graph_output():
                inputs.choose(source.name or "", reader.outputs[0], source)


def _switch_weights(graph: ir.Graph, original: ir.Graph, inputs: _AblationInputs) -> None:
    twins = {node.name: node for node in layers(original)}
    for node in list(graph):
        if node.name not in twins or twins[node.name].op_type != node.op_type:
            continue
        for index in (1, 2):
            stored, exact = node.inputs[index], twins[node.name].inputs[index]
            if stored is None or exact is None or edit.is_constant(stored):
                continue
            copy = edit.add_constant(graph, f"{exact.name}.exact", edit.contents(exact))
            inputs.choose(weights_of(node.name or ""), stored, copy)
