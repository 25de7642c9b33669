"""Round the statistics of spatial normalizations so that all runtimes compute them alike.

The mean and the variance of an instance normalization are sums of many floats. Runtimes sum them in
different orders and differ by about 1e-6. All values of a channel with the same level have the same
result, so if that result lies near a rounding boundary, the whole level changes, and every later
normalization amplifies this. In

    y = (x − m) · r · γ + β,        r = (v + ε)^(−½),

the multiplications and additions are single IEEE 754 operations with one result, so it suffices
that m and r agree:

- Means over height and width become means over rows of means over columns. The sums are then short
  and differ by about 1e-7.
- m is rounded to 1/16 of a level of x. The rounding boundary, TURN of a sixteenth, is far from all
  fractions with small denominators, so the mean of a few hundred integers never lies on it. x − m
  is then a multiple of 1/16 level, which float16 represents too.
- r is rounded so finely that no result moves by more than half a level.

If the unrounded numbers agree to seven digits, the rounded ones differ in about one of ten thousand
channels. Quantization noise grows by less than 5 %: r is off by a quarter of its unit on average,
and most values are much closer to the mean than 255 levels.

Statistics over channels (of one pixel) are unchanged: a difference there affects only the pixels
around it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked, mark_float
from edge_imgq.graph.fusion import stored_output
from edge_imgq.graph.network import Quantization

SPATIAL = [2, 3]
MEAN_DENOMINATOR = 16
"""Means are rounded to 1/MEAN_DENOMINATOR of a level."""

TURN = (math.sqrt(5) - 1) / 2
"""Fraction from which a mean is rounded up: the golden ratio is farthest from simple fractions."""

FARTHEST = 255
"""Largest distance of a value from the mean, in levels."""


def round_norm_statistics(graph: ir.Graph, qparams: Mapping[ir.Value, Quantization]) -> None:
    """Split and round the spatial means of normalizations marked as float, in place.

    Runtimes sum floats in different orders; afterwards they agree on all but about one of ten
    thousand channels. Means over height and width become means of means; the one that is
    subtracted is rounded to 1/16 of a level (a step of the input's int8 scale), and the inverse
    deviation so finely that no result moves by more than half a level of its own scale.

    Args:
        graph: float graph, before QDQ nodes are inserted; edited in place.
        qparams: per-tensor quantization of every activation.
    """
    for node in list(graph):
        if not is_marked(node):
            continue
        if _is_spatial_mean(node):
            _split(graph, node)
        elif node.op_type == "Sub":
            _round(graph, node, qparams)


def _is_spatial_mean(node: ir.Node) -> bool:
    if node.op_type != "ReduceMean" or not edit.is_constant(node.inputs[1]):
        return False
    return sorted(edit.contents(node.inputs[1]).tolist()) == SPATIAL


def _split(graph: ir.Graph, node: ir.Node) -> None:
    """Insert the mean over the columns before a mean over both axes."""
    source, name = node.inputs[0], f"{node.name}.of_columns"
    axis = edit.add_constant(graph, f"{name}.axis", np.array([3], np.int64))
    means = _insert(graph, node, "ReduceMean", [source, axis], name, keepdims=1)
    if source is not None and source.shape is not None:
        means.shape = ir.Shape([*source.shape[:3], 1])
    node.replace_input_with(0, means)


def _round(graph: ir.Graph, centring: ir.Node, qparams: Mapping[ir.Value, Quantization]) -> None:
    """Round the mean that a normalization subtracts and the factor that it multiplies by."""
    source, mean = centring.inputs
    if source is None or source not in qparams or mean is None or not _is_spatial(mean):
        return
    level = float(qparams[source].scale[0])
    fraction = level / MEAN_DENOMINATOR
    centring.replace_input_with(1, _rounded(graph, centring, mean, fraction, 0.5 - TURN))
    for reader in centring.outputs[0].consumers():
        inverse = reader.inputs[1]
        if inverse is None or not _is_inverse(inverse):
            continue
        result, gain = _result(reader)
        if result in qparams:
            scale = float(qparams[result].scale[0]) / (FARTHEST * level * gain)
            unit = 2.0 ** math.floor(math.log2(scale))
            reader.replace_input_with(1, _rounded(graph, reader, inverse, unit))


def _is_inverse(value: ir.Value) -> bool:
    """Return True if a value is r, or r · γ where γ is small enough to be multiplied first."""
    node = value.producer()
    if node is not None and node.op_type == "Mul" and edit.is_constant(node.inputs[1]):
        node = edit.producer_of(node, 0)
    return node is not None and node.op_type == "Pow"


def _is_spatial(mean: ir.Value) -> bool:
    """Return True if a mean is spatial: one per channel or group of channels."""
    node = mean.producer()
    while node is not None and node.op_type in ("Unsqueeze", "MatMul"):
        node = edit.producer_of(node, 0)
    return node is not None and _is_spatial_mean(node)


def _result(node: ir.Node) -> tuple[ir.Value, float]:
    """Return the last value of a normalization and the product of its largest factors."""
    gain = 1.0
    follower = edit.sole_consumer(node.outputs[0])
    while follower is not None and is_marked(follower):
        if follower.op_type == "Mul" and not edit.is_constant(follower.inputs[1]):
            break
        node = follower
        if node.op_type == "Mul":
            gain *= float(np.abs(edit.contents(node.inputs[1])).max())
        follower = edit.sole_consumer(node.outputs[0])
    return stored_output(node), gain


def _rounded(
    graph: ir.Graph, before: ir.Node, value: ir.Value, unit: float, shift: float = 0.0
) -> ir.Value:
    """Round a value, shifted by a fraction of a unit, to multiples of the unit."""
    name = f"{value.name}.steady"

    def number(word: str, contents: float) -> ir.Value:
        return edit.add_constant(graph, f"{name}.{word}", np.array(contents, np.float32))

    counted = _insert(graph, before, "Mul", [value, number("count", 1 / unit)], f"{name}.steps")
    if shift:
        counted = _insert(graph, before, "Add", [counted, number("shift", shift)], f"{name}.moved")
    whole = _insert(graph, before, "Round", [counted], f"{name}.whole")
    return _insert(graph, before, "Mul", [whole, number("unit", unit)], name)


def _insert(
    graph: ir.Graph,
    before: ir.Node,
    kind: str,
    inputs: list[ir.Value | None],
    name: str,
    **attributes: int,
) -> ir.Value:
    """Insert a node marked float before another and return its output."""
    value = edit.insert_node(graph, before, kind, inputs, dict(attributes), name)
    producer = value.producer()
    assert producer is not None
    mark_float(producer)
    source = inputs[0]
    value.shape = None if source is None else source.shape
    return value
