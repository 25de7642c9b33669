"""Normalisations over the whole image that every runtime computes alike.

The mean and the deviation of an instance normalisation are sums of many float numbers, and runtimes
add them up in different orders: they differ by some millionths. All values of a channel that have
one level get one result, so wherever such a result lies near a half, the whole level moves, and
every later normalisation enlarges that. Of

    y = (x − m) · r · γ + β,        r = (v + ε)^(−½),

the multiplications and additions are single operations of IEEE arithmetic and have one result, so
it is enough that m and r are alike:

- Means over height and width become means over rows of means over columns. Sums are short then, and
  differ by some ten-millionths.
- m is rounded to a sixteenth of a level of x. The numbers between which it turns, TURN of a
  sixteenth, are far from all fractions of few parts: a mean of a few hundred integers never lies
  on one. In levels x − m is then a multiple of 1/16, which float16 holds too.
- r is rounded so that no result can move by more than half a level.

Where the unrounded numbers agree to seven digits, the rounded ones differ once in some ten thousand
channels. The noise of rounding to eight bits grows by less than one part in twenty: r is off by a
quarter of its step on average, and most values are much nearer to the mean than 255 levels.

Statistics over channels (of one pixel) stay as they are: there are as many as pixels, so one that
differs is only seen around it.
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
MEAN_PARTS = 16
"""Parts of a level that a mean is rounded to."""

TURN = (math.sqrt(5) - 1) / 2
"""The fraction from which on a mean is rounded up: of all, the farthest from simple fractions."""

FARTHEST = 255
"""Levels that a value may be from the mean."""


def round_norm_statistics(graph: ir.Graph, placed: Mapping[ir.Value, Quantization]) -> None:
    """Split and round the spatial means of marked normalisations; in place.

    Args:
        graph: float graph.
        placed: quantization of every activation.
    """
    for node in list(graph):
        if not is_marked(node):
            continue
        if _is_spatial_mean(node):
            _split(graph, node)
        elif node.op_type == "Sub":
            _round(graph, node, placed)


def _is_spatial_mean(node: ir.Node) -> bool:
    if node.op_type != "ReduceMean" or not edit.is_constant(node.inputs[1]):
        return False
    return sorted(edit.contents(node.inputs[1]).tolist()) == SPATIAL


def _split(graph: ir.Graph, node: ir.Node) -> None:
    """Take the mean over columns first, then the one over rows."""
    source, name = node.inputs[0], f"{node.name}.of_columns"
    axis = edit.add_constant(graph, f"{name}.axis", np.array([3], np.int64))
    means = _insert(graph, node, "ReduceMean", [source, axis], name, keepdims=1)
    if source is not None and source.shape is not None:
        means.shape = ir.Shape([*source.shape[:3], 1])
    node.replace_input_with(0, means)


def _round(graph: ir.Graph, centring: ir.Node, placed: Mapping[ir.Value, Quantization]) -> None:
    """Round the mean that a normalisation subtracts and the factor that it multiplies by."""
    source, mean = centring.inputs
    if source is None or source not in placed or mean is None or not _is_spatial(mean):
        return
    level = float(placed[source].scale[0])
    part = level / MEAN_PARTS
    centring.replace_input_with(1, _rounded(graph, centring, mean, part, 0.5 - TURN))
    for reader in centring.outputs[0].consumers():
        inverse = reader.inputs[1]
        if inverse is None or not _is_inverse(inverse):
            continue
        result, gain = _result(reader)
        if result in placed:
            step = float(placed[result].scale[0]) / (FARTHEST * level * gain)
            unit = 2.0 ** math.floor(math.log2(step))
            reader.replace_input_with(1, _rounded(graph, reader, inverse, unit))


def _is_inverse(value: ir.Value) -> bool:
    """Tell whether a value is r, or r · γ where γ is small enough to be multiplied first."""
    node = value.producer()
    if node is not None and node.op_type == "Mul" and edit.is_constant(node.inputs[1]):
        node = edit.producer_of(node, 0)
    return node is not None and node.op_type == "Pow"


def _is_spatial(mean: ir.Value) -> bool:
    """Tell whether a mean is one per channel, or per group of channels."""
    node = mean.producer()
    while node is not None and node.op_type in ("Unsqueeze", "MatMul"):
        node = edit.producer_of(node, 0)
    return node is not None and _is_spatial_mean(node)


def _result(node: ir.Node) -> tuple[ir.Value, float]:
    """Return the value that a normalisation ends in, and the largest factor on the way to it."""
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
    """Round a value, moved by a part of a unit, to multiples of the unit."""
    name = f"{value.name}.steady"

    def number(word: str, contents: float) -> ir.Value:
        return edit.add_constant(graph, f"{name}.{word}", np.array(contents, np.float32))

    steps = _insert(graph, before, "Mul", [value, number("count", 1 / unit)], f"{name}.steps")
    if shift:
        steps = _insert(graph, before, "Add", [steps, number("shift", shift)], f"{name}.moved")
    whole = _insert(graph, before, "Round", [steps], f"{name}.whole")
    return _insert(graph, before, "Mul", [whole, number("unit", unit)], name)


def _insert(
    graph: ir.Graph,
    before: ir.Node,
    kind: str,
    inputs: list[ir.Value | None],
    name: str,
    **attributes: int,
) -> ir.Value:
    """Insert a marked node before another and return its output."""
    value = edit.insert_node(graph, before, kind, inputs, dict(attributes), name)
    producer = value.producer()
    assert producer is not None
    mark_float(producer)
    source = inputs[0]
    value.shape = None if source is None else source.shape
    return value
