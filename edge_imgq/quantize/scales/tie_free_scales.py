"""Adjust scales so that sums, products and means cannot lie halfway between two levels.

Convolutions get tie-free multipliers through their weight scales
(`edge_imgq.quantize.scales.tie_free_multiplier`). For operators without weights, only the scales of
operands and result can be chosen:

    sum        round(a/y · qa + b/y · qb)      a/y and b/y fractions of one odd denominator
    product    round(a·b/y · qa · qb)          a·b/y a fraction of an odd denominator
    mean of n  round(a/(n·y) · Σ qa)           a/(n·y) a fraction of an odd denominator
    copy       round(a/y · qa)                 a/y a fraction of an odd denominator
    leaky      round(a/y · qa) or              a/y and α·a/y multiples of 1/256
               round(α·a/y · qa)               (`edge_imgq.quantize.scales.tie_free_leaky_relu`)
    float      round(x / y) or round(x · 1/y)  1/y exact to about 10⁻¹¹

The scale of the result is widened if it is free, else that of an operand, by some thousandths.
About one product of random levels in ten thousand is a tie or nearly one, and a level in a gate
becomes many after the next normalization: without this two runtimes would agree on a gated
network only by chance.

Results of float regions come first, then operators in graph order. Scales used in a choice become
fixed. If all scales of an operator are fixed, one that was fixed only for its exact reciprocal may
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
    """Widen scales, in place, so that sums, products, means and copies avoid half levels.

    Only scales that are not fixed change, by some thousandths, at a leaky ReLU by up to 5 %; an
    operator between fixed scales keeps its ties. Float regions come first, then operators in graph
    order.

    Args:
        graph: float graph; it is not changed.
        classes: scale class of every activation, after additions have joined theirs; the classes
            are changed.
    """
    for node in graph:
        if is_marked(node):
            _leave_float(node, classes)
    for node in graph:
        choose = _copy if node.op_type in SHARED_SCALE else SCALE_CHOICES.get(node.op_type)
        if choose is not None and not is_marked(node):
            choose(node, classes)


def _leave_float(node: ir.Node, classes: Classes) -> None:
    """Choose a scale with an exact reciprocal, so that runtimes quantize a float result alike."""
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
        _choose_sum_scales(others, total)
    elif others:
        _widen_one(others[0].scale / total.scale, [total], others[:1])


def _product(node: ir.Node, classes: Classes) -> None:
    operands, total = _operands(node, classes), classes.get(stored_output(node))
    if len(operands) != 2 or total is None:
        return
    first, second = operands
    multiplier = first.scale * second.scale / total.scale
    results = [] if total in operands else [total]
    free = [] if first is second else [operand for operand in operands if operand is not total]
    _widen_one(multiplier, results, free, bystanders=[first, second, total])


def _mean(node: ir.Node, classes: Classes) -> None:
    count, source = _averaged(node), node.inputs[0]
    operand, result = classes.get(source) if source is not None else None, node.outputs[0]
    total = classes.get(result)
    if count and operand is not None and total is not None and operand is not total:
        _widen_one(operand.scale / (count * total.scale), [total], [operand])


def _copy(node: ir.Node, classes: Classes) -> None:
    total = classes.get(node.outputs[0])
    operands = _operands(node, classes)
    # The result is widened only for operands whose scale is fixed: others are widened themselves.
    for operand in sorted(operands, key=lambda operand: not operand.is_fixed):
        if total is None or operand is total or not operand.values:
            continue
        result = [total] if operand.is_fixed or len(operands) == 1 else []
        _widen_one(operand.scale / total.scale, result, [operand], bystanders=[total])


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
    producer = edit.find_producer(source)
    if producer is None or fused_activation(producer) is not node:
        _copy(node, classes)


SCALE_CHOICES: Mapping[str, Callable[[ir.Node, Classes], None]] = {
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
"""Function that chooses the scales of a node's operands and result, by operator."""


def _operands(node: ir.Node, classes: Classes) -> list[ScaleClass]:
    """Return the scale classes of a node's inputs; a constant is a class by itself, and fixed."""
    operands = []
    for value in node.inputs:
        if value is not None and value in classes:
            operands.append(classes[value])
        elif edit.is_constant(value):
            scale = float(covering(edit.contents(value)).scale[0])
            operands.append(ScaleClass(scale=scale, is_fixed=True))
    return operands


def _averaged(node: ir.Node) -> int:
    """Return the number of values that a mean averages; 0 if unknown."""
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


def _widen_one(
    multiplier: float,
    results: Sequence[ScaleClass],
    operands: Sequence[ScaleClass],
    bystanders: Sequence[ScaleClass] = (),
) -> None:
    """Widen the first free result, or else the first free operand, then fix all classes.

    Args:
        multiplier: multiplier of the accumulator, proportional to operand scales and inversely
            proportional to result scales.
        results: classes that may be widened to make it smaller.
        operands: classes that may be widened to make it larger.
        bystanders: further classes to fix.
    """
    result = next((scale_class for scale_class in results if not scale_class.is_fixed), None)
    operand = next((scale_class for scale_class in operands if not scale_class.is_fixed), None)
    if result is not None:
        result.scale *= multiplier / tie_free_below(multiplier)
    elif operand is not None:
        operand.scale *= float(tie_free_above(np.array([multiplier]))[0]) / multiplier
    else:
        _move_reciprocal(multiplier, results, operands)
    for scale_class in (*results, *operands, *bystanders):
        scale_class.fix()


def _move_reciprocal(
    multiplier: float, results: Sequence[ScaleClass], operands: Sequence[ScaleClass]
) -> None:
    """Move one scale fixed only for its exact reciprocal to another such number.

    Two such scales, for example of a normalization's input and output, often have a ratio near one
    half, and then every other sum is a tie.
    """
    for members, power in ((results, -1), (operands, 1)):
        movable = next((member for member in members if member.is_reciprocal), None)
        if movable is not None:
            movable.scale = exactly_invertible_without_ties(movable.scale, multiplier, power)
            return


def _choose_sum_scales(operands: list[ScaleClass], total: ScaleClass) -> None:
    """Choose scales of two operands and a sum so that both ratios have one odd denominator."""
    first, second = sorted(operands, key=lambda operand: not operand.is_fixed)
    odd = odd_denominators()
    sums = np.full(odd.shape, total.scale)
    if not total.is_fixed:
        numerators = np.floor(first.scale / total.scale * odd * (1 + SLACK))
        # If an operand's scale is far smaller, no numerator remains: the sum's scale is kept.
        sums = first.scale * odd / np.where(numerators >= 1, numerators, np.nan)
    ones, others = (_multiples(operand, sums / odd) for operand in (first, second))
    cost = ones / first.scale * (others / second.scale) * (sums / total.scale)
    best = int(np.nanargmin(cost)) if np.isfinite(cost).any() else None
    if best is not None and cost[best] < MAX_COST:
        total.scale, first.scale, second.scale = sums[best], ones[best], others[best]
    for scale_class in (first, second, total):
        scale_class.fix()


MAX_COST = 1.02
"""Largest factor by which the product of a sum's three scales may grow."""


def _multiples(operand: ScaleClass, units: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round a scale up to multiples of units; NaN where a fixed scale is not a multiple."""
    multiples: NDArray[np.float64] = np.ceil(operand.scale / units * (1 - SLACK)) * units
    if not operand.is_fixed:
        return multiples
    return np.where(np.abs(multiples / operand.scale - 1) <= SLACK, multiples, np.nan)
