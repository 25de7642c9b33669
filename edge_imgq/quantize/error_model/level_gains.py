"""What one level of each tensor becomes at the output of a quantized graph.

Files of one graph differ where a value lies so near to half a level that the last digits of a
runtime's arithmetic decide which way it is rounded. What that does to the image is the gain of the
tensor: here all roundings are left out, a few values of one tensor after the other are moved by one
level, and the largest change of the output is taken. A norm that divides by next to nothing, or a
power, makes tens of one; then eight bits are too few for what it reads. Where no tensor's gain is
large and images still differ by many levels, the roundings behind it did that: a level that turns
over turns others over.
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

PIXELS_A_PLACE = 200
"""One value is moved for so many pixels of a tensor, in any channel: what a layer or two spread it
over is less."""

STEP = "one-level/"


def level_gains(
    quantized: ir.Model, batch: NDArray[np.float32], peak: float
) -> tuple[LevelGain, ...]:
    """Return the gain of every tensor that a QDQ graph rounds, the largest first.

    Its inputs are not among them: pixels are whole levels everywhere.

    Args:
        quantized: the graph; it is not changed.
        batch: one image (1, C, H, W) as the network takes it.
        peak: float value of pixel 255.

    Raises:
        ModelError: the graph does not run at this size.
    """
    model, outputs = quantized.clone(), len(quantized.graph.outputs)
    steps = _without_roundings(model.graph)
    proto = ir.to_proto(model)
    open_input(proto)
    session: Any = inference_session(proto.SerializeToString(), optimise=False)
    entries = [entry for entry in session_entries(session) if not entry[0].startswith(STEP)]
    feeds = split_ports(batch, entries)
    still = {STEP + name: np.zeros(1, np.float32) for name in steps}
    before, *others = run_session(session, {**feeds, **still})
    tensors = others[outputs - 1 :]
    generator, found = np.random.default_rng(0), []
    for (name, step), tensor in zip(steps.items(), tensors, strict=True):
        moved = _moved(tensor.shape, step.scale, generator)
        after = session.run([session.get_outputs()[0].name], {**feeds, **still, STEP + name: moved})
        change = np.abs(after[0].clip(0, peak) - before.clip(0, peak)).max()
        found.append(LevelGain(name, step.operator, float(change) * 255 / peak))
    return tuple(sorted(found, key=lambda gain: -gain.levels))


@dataclass(frozen=True)
class _Step:
    scale: float
    operator: str


def _without_roundings(graph: ir.Graph) -> dict[str, _Step]:
    """Take the roundings out of a graph, let an input move each tensor, and let all be outputs."""
    steps: dict[str, _Step] = {}
    for node in [node for node in graph if node.op_type == "QuantizeLinear"]:
        exact, scale = node.inputs[0], edit.contents(node.inputs[1])
        for reader in list(node.outputs[0].consumers()):
            rounded = reader.outputs[0]
            if exact is None or reader.op_type != "DequantizeLinear":
                continue
            maker, name = exact.producer(), exact.name or ""
            if maker is None or rounded.is_graph_output():
                edit.take_place(rounded, _added(graph, reader, exact, None))
            else:
                edit.take_place(rounded, _added(graph, reader, exact, name))
                steps.setdefault(name, _Step(float(np.max(scale)), maker.op_type))
    values = {value.name: value for value in _values(graph)}
    graph.outputs.extend(_added(graph, None, values[name], None) for name in steps)
    graph.sort()
    return steps


def _values(graph: ir.Graph) -> list[ir.Value]:
    return [*graph.inputs, *(value for node in graph for value in node.outputs)]


def _added(graph: ir.Graph, before: ir.Node | None, value: ir.Value, name: str | None) -> ir.Value:
    """Return a value as it is, or moved by the input of that name."""
    if name is None:
        node = ir.node("Identity", [value])
    else:
        moved = next((i for i in graph.inputs if i.name == STEP + name), None)
        if moved is None:
            moved = ir.Value(name=STEP + name, type=ir.TensorType(ir.DataType.FLOAT))
            graph.inputs.append(moved)
        node = ir.node("Add", [value, moved])
    node.outputs[0].name = node.name = edit.free_name(graph, f"{value.name}.moved")
    node.outputs[0].type = ir.TensorType(ir.DataType.FLOAT)
    graph.append(node) if before is None else graph.insert_before(before, node)
    return node.outputs[0]


def _moved(
    shape: tuple[int, ...], step: float, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Return what moves a few values of a tensor by one level, up or down."""
    moved = np.zeros(int(np.prod(shape)), np.float32)
    places = generator.integers(0, moved.size, max(1, int(np.prod(shape[2:])) // PIXELS_A_PLACE))
    moved[places] = generator.choice([-step, step], places.size)
    return moved.reshape(shape)
