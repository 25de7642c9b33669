"""Scales under which sums, products and means cannot lie halfway between two levels.

Convolutions get such scales through their weights
(`edge_imgq.quantize.scales.tie_free_multiplier`). Where an operator has no weights, the scales of
its operands and its result are what is left to choose:

    sum        round(a/y · qa + b/y · qb)      a/y and b/y fractions of one odd denominator
    product    round(a·b/y · qa · qb)          a·b/y a fraction of an odd denominator
    mean of n  round(a/(n·y) · Σ qa)           a/(n·y)
    copy       round(a/y · qa)                 a/y
    leaky      round(a/y · qa) or              a/y and α·a/y whole 256ths (`edge_imgq.quantize.
               round(α·a/y · qa)               leaky`)
    float      round(x / y) or round(x · 1/y)  1/y exact to some 10⁻¹¹

The result is widened where it may be, else an operand, by some thousandths. A product of random
levels is a tie or as good as one about once in ten thousand values, and one level in a gate is many
after the next normalisation: without this, two runtimes agree on a whole gated network by luck.

Results of float parts come first, then operators in the order of the graph. A scale that took part
in a choice is fixed; where all scales of an operator are, one whose reciprocal alone counted may
still move to another such number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.fusion import fused_activation, stored_output
from edge_imgq.quantize.ranges.ranges import covering
from edge_imgq.quantize.scales.scale_constraints import SHARED_SCALE
from edge_imgq.quantize.scales.shared_scales import ScaleClass
from edge_imgq.quantize.scales.tie_free_leaky_relu import wider_operand, wider_result
from edge_imgq.quantize.scales.tie_free_multiplier import (
    SLACK,
    exactly_invertible_above,
    exactly_invertible_without_ties,
    odd_denominators,
    tie_free_above,
    tie_free_below,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

Classes = Mapping[ir.Value, ScaleClass]


def avoid_ties(graph: ir.Graph, classes: Classes) -> None:
    """Widen scales until every runtime rounds alike; in place.

    Args:
        graph: float graph.
        classes: of every activation, as additions share them.
    """
    for node in graph:
        if is_marked(node):
            _leave_float(node, classes)
    for node in graph:
        rule = _copy if node.op_type in SHARED_SCALE else RULES.get(node.op_type)
        if rule is not None and not is_marked(node):
            rule(node, classes)


def _leave_float(node: ir.Node, classes: Classes) -> None:
    """Let all runtimes quantize what a float part computed to the same level."""
    result = classes.get(stored_output(node))
    if result is not None and not result.is_fixed:
        result.scale = exactly_invertible_above(result.scale)
        result.is_fixed = result.is_reciprocal = True


def _sum(node: ir.Node, classes: Classes) -> None:
    operands, total = _operands(node, classes), classes.get(stored_output(node))
    if len(operands) != 2 or total is None:
        return
    others = [operand for operand in operands if operand is not total]
    if len(others) == 2 and others[0] is not others[1]:
        _settle_sum(others, total)
    elif others:
        _settle(others[0].scale / total.scale, [total], others[:1])


def _product(node: ir.Node, classes: Classes) -> None:
    operands, total = _operands(node, classes), classes.get(stored_output(node))
    if len(operands) != 2 or total is None:
        return
    first, second = operands
    multiplier = first.scale * second.scale / total.scale
    results = [] if total in operands else [total]
    free = [] if first is second else [operand for operand in operands if operand is not total]
    _settle(multiplier, results, free, bystanders=[first, second, total])


def _mean(node: ir.Node, classes: Classes) -> None:
    count, source = _averaged(node), node.inputs[0]
    operand, result = classes.get(source) if source is not None else None, node.outputs[0]
    total = classes.get(result)
    if count and operand is not None and total is not None and operand is not total:
        _settle(operand.scale / (count * total.scale), [total], [operand])


def _copy(node: ir.Node, classes: Classes) -> None:
    total = classes.get(node.outputs[0])
    for operand in _operands(node, classes):
        if total is not None and operand is not total and operand.values:
            _settle(operand.scale / total.scale, [total], [operand])


def _leaky(node: ir.Node, classes: Classes) -> None:
    source = node.inputs[0]
    operand = classes.get(source) if source is not None else None
    total = classes.get(node.outputs[0])
    if operand is None or total is None or operand is total:
        return
    slope = node.attributes.get_float("alpha", 0.01)
    if not total.is_fixed or (total.is_reciprocal and operand.is_fixed):
        total.scale = wider_result(operand, total, slope)
    elif not operand.is_fixed:
        operand.scale = wider_operand(operand, total, slope)
    operand.fix()
    total.fix()


def _clip(node: ir.Node, classes: Classes) -> None:
    source = node.inputs[0]
    producer = edit.find_maker(source)
    if producer is None or fused_activation(producer) is not node:
        _copy(node, classes)


RULES: Mapping[str, Callable[[ir.Node, Classes], None]] = {
    "Add": _sum,
    "Sub": _sum,
    "Mul": _product,
    "LeakyRelu": _leaky,
    "PRelu": _leave_float,
    "AveragePool": _mean,
    "GlobalAveragePool": _mean,
    "ReduceMean": _mean,
    "Relu": _clip,
    "Clip": _clip,
}


def _operands(node: ir.Node, classes: Classes) -> list[ScaleClass]:
    """Return the classes of a node's inputs; a constant is one by itself, and fixed."""
    found = []
    for value in node.inputs:
        if value is not None and value in classes:
            found.append(classes[value])
        elif edit.is_constant(value):
            scale = float(covering(edit.contents(value)).scale[0])
            found.append(ScaleClass(scale=scale, is_fixed=True))
    return found


def _averaged(node: ir.Node) -> int:
    """Return how many values a mean is taken of; 0 where that is open."""
    if node.op_type == "AveragePool":
        return math.prod(node.attributes.get_ints("kernel_shape", []))
    source = node.inputs[0]
    shape = source.shape if source is not None else None
    if shape is None or not shape.is_static():
        return 0
    axes: Sequence[int] = range(2, len(shape))
    if node.op_type == "ReduceMean":
        given = node.inputs[1] if len(node.inputs) > 1 else None
        axes = edit.contents(given).reshape(-1).tolist() if edit.is_constant(given) else ()
    return math.prod(int(shape.numpy()[axis]) for axis in axes) if len(axes) else 0


def _settle(
    multiplier: float,
    results: Sequence[ScaleClass],
    operands: Sequence[ScaleClass],
    bystanders: Sequence[ScaleClass] = (),
) -> None:
    """Widen the first result that may be widened, or else the first operand that may be.

    Args:
        multiplier: what the accumulator is multiplied by; it grows as operands do and shrinks as
            results grow.
        results: classes that may be widened to make it smaller.
        operands: classes that may be widened to make it larger.
        bystanders: classes that must keep their scale from here on, besides those.
    """
    result = next((found for found in results if not found.is_fixed), None)
    operand = next((found for found in operands if not found.is_fixed), None)
    if result is not None:
        result.scale *= multiplier / tie_free_below(multiplier)
    elif operand is not None:
        operand.scale *= float(tie_free_above(np.array([multiplier]))[0]) / multiplier
    else:
        _settle_reciprocals(multiplier, results, operands)
    for found in (*results, *operands, *bystanders):
        found.fix()


def _settle_reciprocals(
    multiplier: float, results: Sequence[ScaleClass], operands: Sequence[ScaleClass]
) -> None:
    """Move one scale that float parts left fixed to another whose reciprocal float32 holds.

    Two such scales, of a normalisation's input and output for example, are often near a ratio of
    one half, and then every other sum is a tie.
    """
    for members, power in ((results, -1), (operands, 1)):
        loose = next((found for found in members if found.is_reciprocal), None)
        if loose is not None:
            loose.scale = exactly_invertible_without_ties(loose.scale, multiplier, power)
            return


def _settle_sum(operands: list[ScaleClass], total: ScaleClass) -> None:
    """Find scales of two operands and a sum such that both ratios have one odd denominator."""
    first, second = sorted(operands, key=lambda operand: not operand.is_fixed)
    odd = odd_denominators()
    sums = np.full(odd.shape, total.scale)
    if not total.is_fixed:
        steps = np.floor(first.scale / total.scale * odd * (1 + SLACK))
        # Next to a far smaller scale no step is left, and the sum's stays as it is.
        sums = first.scale * odd / np.where(steps >= 1, steps, np.nan)
    ones, others = (_multiples(operand, sums / odd) for operand in (first, second))
    cost = ones / first.scale * (others / second.scale) * (sums / total.scale)
    best = int(np.nanargmin(cost)) if np.isfinite(cost).any() else None
    if best is not None and cost[best] < LARGEST_COST:
        total.scale, first.scale, second.scale = sums[best], ones[best], others[best]
    for found in (first, second, total):
        found.fix()


LARGEST_COST = 1.02
"""How much wider all three scales of a sum may become together."""


def _multiples(operand: ScaleClass, units: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the least multiples of units that are not below a scale; NaN where it cannot move."""
    multiples: NDArray[np.float64] = np.ceil(operand.scale / units * (1 - SLACK)) * units
    if not operand.is_fixed:
        return multiples
    return np.where(np.abs(multiples / operand.scale - 1) <= SLACK, multiples, np.nan)
