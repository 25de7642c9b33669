"""Make a float convolution of the image bit-exact on every runtime.

A trunk that stays in float (`edge_imgq.graph.passes.mark.mark_normalised_trunk_float`) starts with
a convolution of the image. Runtimes sum its products in different orders. The differences, about
1e-6, propagate through the trunk and flip a level in every norm. So the sums are made exact:

- the image is restored to whole levels in units of 1/256: fl(q · s) · (1/s) rounds to q, then
  q/256;
- the weights, times 256 · s, and the bias are rounded to multiples of a power of two u per output
  channel, the smallest with Σ|w| + |b| < 0.99 · 2²⁴ · u/256.

Every partial sum is then a multiple of u/256 smaller than 2²⁴ units, which float32 represents
exactly in any order of summation, in kernels of up to a thousand taps. A weight changes by at most
about 2⁻¹⁶ of Σ|w| + |b|.
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
"""Divisor of the levels; float16 represents the quotients, and weights keep their magnitude."""

MAX_UNITS = 0.99 * 2.0**24
"""Largest sum in units: float32 is exact to 2²⁴, and rounded weights may sum to slightly more."""


def exact_first_layers(graph: ir.Graph, qparams: Mapping[ir.Value, Quantization]) -> None:
    """Rewrite float convolutions of the image so that their sums are exact in float32, in place.

    Rewritten are those with constant weights that an earlier pass marked as float because norms
    follow. The image is rounded to its 8-bit levels, in units of 1/256. Weights are scaled to match
    and rounded to multiples of a power of two u, one per output channel, and the bias to multiples
    of u/256. Each changes by at most about 2⁻¹⁶ of Σ|w| + |b|.

    Args:
        graph: float graph, without QDQ nodes yet.
        qparams: per-tensor quantization of activations; an image that has none is left alone.
    """
    images = {value for value in graph.inputs if not value.is_initializer()}
    for node in list(graph):
        source = node.inputs[0] if node.inputs else None
        if source in images and source in qparams and _starts_trunk(node):
            _rewrite(graph, node, source, float(qparams[source].scale[0]))


def _starts_trunk(node: ir.Node) -> bool:
    """Return True if a layer is in float because of the norms that follow, not by the recipe."""
    constant = all(map(edit.is_constant, node.inputs[1:]))
    if node.op_type != "Conv" or not is_marked(node) or not constant:
        return False
    readers = node.outputs[0].consumers()
    return all(is_marked(reader) and reader.op_type not in ("Conv", "Relu") for reader in readers)


def _rewrite(graph: ir.Graph, node: ir.Node, image: ir.Value, level: float) -> None:
    name = node.name or "first"
    whole = _insert(graph, node, "Mul", image, f"{name}.levels", np.float32(1 / level))
    whole = _insert(graph, node, "Round", whole, f"{name}.whole")
    node.replace_input_with(0, _insert(graph, node, "Mul", whole, f"{name}.parts", 1 / LEVELS))
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
    """Compute the power of two per output channel for which no partial sum exceeds 24 bits."""
    most = np.abs(weights).sum(axis=(1, 2, 3)) + np.abs(bias)
    least = np.maximum(most, np.finfo(np.float32).tiny) * LEVELS / MAX_UNITS
    exponents: NDArray[np.float64] = np.array([math.ceil(math.log2(value)) for value in least])
    return 2.0**exponents


def _insert(
    graph: ir.Graph, before: ir.Node, kind: str, source: ir.Value, name: str, factor: Any = None
) -> ir.Value:
    """Insert a node marked float before the layer, with the shape of its source."""
    inputs: list[ir.Value | None] = [source]
    if factor is not None:
        inputs.append(edit.add_constant(graph, f"{name}.factor", np.array(factor, np.float32)))
    value = edit.insert_node(graph, before, kind, inputs, {}, name)
    mark_float(edit.producer(value))
    value.shape = source.shape
    return value
