"""Measure the gain from one quantization level of each tensor to the output of a QDQ graph.

Two runtimes round a value differently if it lies so close to half a level that float rounding
decides. The effect on the image is the gain of the tensor. To measure it, all rounding is removed,
a few values of one tensor at a time are moved by one level, and the largest change of the output is
taken. A normalization that divides by a small number, or a power, can turn one level into tens;
then 8 bits are too few for its input. If all gains are small and images still differ by many
levels, later rounding amplifies the difference: one flipped level flips others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.ports.port_feeds import session_entries, split_ports
from edge_imgq.graph.shapes.size import open_input
from edge_imgq.quantize.error_model.level_gain import LevelGain
from edge_imgq.runtime.onnxruntime import inference_session, run_session

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIXELS_PER_PROBE = 200
"""One value per this many pixels is moved, in any channel, so that the effects hardly overlap."""

PREFIX = "one-level/"


def level_gains(
    quantized: ir.Model, batch: NDArray[np.float32], peak: float
) -> tuple[LevelGain, ...]:
    """Measure how much the output changes per level of every tensor that a QDQ graph rounds.

    The graph runs without rounding, with some values of one tensor moved by one level,
    up or down. A gain is the largest change of the clipped first output, in levels of 255. Sorted
    by gain, largest first. Graph inputs are left out: their pixels are whole levels in every
    runtime. The moved values are random with a fixed seed, so a gain is a lower bound.

    Args:
        quantized: QDQ graph; it is not changed.
        batch: one float32 network input (1, C, H, W), 0 … peak.
        peak: float value of pixel 255.

    Raises:
        ModelError: the graph does not run at this size.
    """
    model, outputs = quantized.clone(), len(quantized.graph.outputs)
    roundings = _without_roundings(model.graph)
    proto = ir.to_proto(model)
    open_input(proto)
    session: Any = inference_session(proto.SerializeToString(), optimise=False)
    entries = [entry for entry in session_entries(session) if not entry[0].startswith(PREFIX)]
    feeds = split_ports(batch, entries)
    still = {PREFIX + name: np.zeros(1, np.float32) for name in roundings}
    before, *others = run_session(session, {**feeds, **still})
    tensors = others[outputs - 1 :]
    generator, gains = np.random.default_rng(0), []
    for (name, rounding), tensor in zip(roundings.items(), tensors, strict=True):
        moved = _moved(tensor.shape, rounding.scale, generator)
        after = session.run(
            [session.get_outputs()[0].name], {**feeds, **still, PREFIX + name: moved}
        )
        change = np.abs(after[0].clip(0, peak) - before.clip(0, peak)).max()
        gains.append(LevelGain(name, rounding.operator, float(change) * 255 / peak))
    return tuple(sorted(gains, key=lambda gain: -gain.levels))


@dataclass(frozen=True)
class _Rounding:
    scale: float
    operator: str


def _without_roundings(graph: ir.Graph) -> dict[str, _Rounding]:
    """Remove the QDQ pairs of activations in place; add an input and an output for each tensor.

    The input is added to the tensor, the output is the unmoved tensor.
    """
    roundings: dict[str, _Rounding] = {}
    for node in [node for node in graph if node.op_type == "QuantizeLinear"]:
        exact, scale = node.inputs[0], edit.contents(node.inputs[1])
        for reader in list(node.outputs[0].consumers()):
            rounded = reader.outputs[0]
            if exact is None or reader.op_type != "DequantizeLinear":
                continue
            maker, name = exact.producer(), exact.name or ""
            if maker is None or rounded.is_graph_output():
                edit.replace_value(rounded, _added(graph, reader, exact, None))
            else:
                edit.replace_value(rounded, _added(graph, reader, exact, name))
                roundings.setdefault(name, _Rounding(float(np.max(scale)), maker.op_type))
    values = {value.name: value for value in _values(graph)}
    graph.outputs.extend(_added(graph, None, values[name], None) for name in roundings)
    graph.sort()
    return roundings


def _values(graph: ir.Graph) -> list[ir.Value]:
    return [*graph.inputs, *(value for node in graph for value in node.outputs)]


def _added(graph: ir.Graph, before: ir.Node | None, value: ir.Value, name: str | None) -> ir.Value:
    """Insert a copy of a value or, given a tensor's name, its sum with the input that moves it."""
    if name is None:
        node = ir.node("Identity", [value])
    else:
        moved = next((i for i in graph.inputs if i.name == PREFIX + name), None)
        if moved is None:
            moved = ir.Value(name=PREFIX + name, type=ir.TensorType(ir.DataType.FLOAT))
            graph.inputs.append(moved)
        node = ir.node("Add", [value, moved])
    node.outputs[0].name = node.name = edit.free_name(graph, f"{value.name}.moved")
    node.outputs[0].type = ir.TensorType(ir.DataType.FLOAT)
    graph.append(node) if before is None else graph.insert_before(before, node)
    return node.outputs[0]


def _moved(
    shape: tuple[int, ...], scale: float, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Make an offset that moves a few random values of a tensor by one level up or down."""
    moved = np.zeros(int(np.prod(shape)), np.float32)
    indices = generator.integers(0, moved.size, max(1, int(np.prod(shape[2:])) // PIXELS_PER_PROBE))
    moved[indices] = generator.choice([-scale, scale], indices.size)
    return moved.reshape(shape)
