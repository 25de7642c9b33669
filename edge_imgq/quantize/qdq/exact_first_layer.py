"""A float convolution of the image that every runtime computes to the same bit.

A trunk that stays in float (`edge_imgq.graph.passes.mark.mark_normalised_trunk_float`) starts with
a convolution of the image. Runtimes add up its products in different orders; the millionths that
they differ by run through the whole trunk, and in every norm some level turns over. So the sums are
made exact:

- the image is put back onto whole levels, in 256ths: fl(q · s) · (1/s) is rounded to q, then q/256;
- the weights, times 256 · s, and the bias are rounded to multiples of a power of two u for each
  output channel, the least with Σ|w| + |b| < 0.99 · 2²⁴ · u/256.

Then every partial sum is a multiple of u/256 below 2²⁴ of them, which float32 holds exactly, in
whatever order. A weight so rounded is off by less than 2⁻¹⁶ of the sum of all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked, mark_float
from edge_imgq.graph.network import Quantization

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = 256
"""What whole levels are divided by: float16 holds the quotients, and weights keep their size."""

MOST_UNITS = 0.99 * 2.0**24
"""Of a sum: float32 holds whole numbers up to 2²⁴, and rounded weights may add up to a bit more."""


def exact_first_layers(graph: ir.Graph, placed: Mapping[ir.Value, Quantization]) -> None:
    """Make the sums of marked convolutions of the image exact; in place.

    Args:
        graph: float graph.
        placed: quantization of every activation.
    """
    images = {value for value in graph.inputs if not value.is_initializer()}
    for node in list(graph):
        source = node.inputs[0] if node.inputs else None
        if source in images and source in placed and _starts_trunk(node):
            _rewrite(graph, node, source, float(placed[source].scale[0]))


def _starts_trunk(node: ir.Node) -> bool:
    """Tell whether a layer is in float for the norms behind it, and by no recipe."""
    constant = all(map(edit.is_constant, node.inputs[1:]))
    if node.op_type != "Conv" or not is_marked(node) or not constant:
        return False
    readers = node.outputs[0].consumers()
    return all(is_marked(reader) and reader.op_type not in ("Conv", "Relu") for reader in readers)


def _rewrite(graph: ir.Graph, node: ir.Node, image: ir.Value, level: float) -> None:
    name = node.name or "first"
    whole = _step(graph, node, "Mul", image, f"{name}.levels", np.float32(1 / level))
    whole = _step(graph, node, "Round", whole, f"{name}.whole")
    node.replace_input_with(0, _step(graph, node, "Mul", whole, f"{name}.parts", 1 / LEVELS))
    weights = edit.contents(node.inputs[1]).astype(np.float64) * (LEVELS * level)
    given = node.inputs[2] if len(node.inputs) > 2 else None
    bias = np.zeros(len(weights)) if given is None else edit.contents(given).astype(np.float64)
    units = _units(weights, bias)
    rounded = np.rint(weights / units[:, None, None, None]) * units[:, None, None, None]
    constant = edit.add_constant(graph, f"{name}.exact", rounded.astype(np.float32))
    node.replace_input_with(1, constant)
    if given is not None:
        fine = units / LEVELS
        shift = (np.rint(bias / fine) * fine).astype(np.float32)
        node.replace_input_with(2, edit.add_constant(graph, f"{name}.exact_bias", shift))


def _units(weights: NDArray[np.float64], bias: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a power of two for each output channel under which no sum leaves its bits."""
    most = np.abs(weights).sum(axis=(1, 2, 3)) + np.abs(bias)
    least = np.maximum(most, np.finfo(np.float32).tiny) * LEVELS / MOST_UNITS
    exponents: NDArray[np.float64] = np.array([math.ceil(math.log2(value)) for value in least])
    return 2.0**exponents


def _step(
    graph: ir.Graph, before: ir.Node, kind: str, source: ir.Value, name: str, factor: Any = None
) -> ir.Value:
    """Insert a marked node of an image before the layer."""
    inputs: list[ir.Value | None] = [source]
    if factor is not None:
        inputs.append(edit.add_constant(graph, f"{name}.factor", np.array(factor, np.float32)))
    value = edit.insert_node(graph, before, kind, inputs, {}, name)
    mark_float(edit.maker(value))
    value.shape = source.shape
    return value
