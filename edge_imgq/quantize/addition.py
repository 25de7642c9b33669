"""Additions that do not round: one scale for both operands and the sum.

With scales a, b and y an int8 addition computes round(a/y · qa + b/y · qb): it rounds once more,
after the operands were rounded already. With one scale S for all three it is an integer addition,

    qy − zy = (qa − za) + (qb − zb),

exact, on every target alike. The branch that is only added is then rounded at S instead of its own
finer scale, but that rounding replaces the one of the sum: S²/12 of noise instead of b²/12 + y²/12.
Zero points stay each value's own.

Scales are shared where that costs little: a value that is also read elsewhere may have its scale
widened by at most TOLERANCE, and a fixed scale (the image's) is taken only by values that fit it.

Where only one operand can share the scale of the sum, the addition rounds a/S · qa alone. S is then
widened until a/S is a fraction that every runtime rounds alike (`edge_imgq.quantize.tie_free`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.fusion import fused_activation
from edge_imgq.graph.network import Quantization
from edge_imgq.quantize.constraints import SHARED_SCALE
from edge_imgq.quantize.ranges import INT8_HIGH, INT8_LOW, per_tensor
from edge_imgq.quantize.tie_free import tie_free_below

TOLERANCE = 1.3
"""Largest factor on the scale of a value that is read by more than the addition."""


@dataclass
class _Class:
    """Values that share a scale.

    Attributes:
        values: the members.
        scale: the widest that a member needs, or the fixed one.
        narrowest: the narrowest scale of a member that must not be widened by much.
        is_fixed: whether a member's scale is given by the format, or has been chosen for good.
    """

    values: list[ir.Value] = field(default_factory=list)
    scale: float = 0.0
    narrowest: float = float("inf")
    is_fixed: bool = False


def share_addition_scales(
    graph: ir.Graph, placed: dict[ir.Value, Quantization], fixed: Mapping[ir.Value, Quantization]
) -> None:
    """Give operands and sum of every addition one scale, where that costs little; in place.

    Args:
        graph: float graph.
        placed: quantization of every activation; values that copying operators join hold one
            and the same object.
        fixed: the values among them whose parameters nobody chooses.
    """
    classes = _initial_classes(placed, fixed)
    additions = [node for node in graph if node.op_type in ("Add", "Sub")]
    for node in additions:
        _share(node, classes)
    for node in additions:
        _avoid_halves(node, classes)
    for members in {id(found): found for found in classes.values()}.values():
        for value in members.values:
            if value not in fixed:
                placed[value] = _rescaled(placed[value], members.scale)


def _initial_classes(
    placed: Mapping[ir.Value, Quantization], fixed: Mapping[ir.Value, Quantization]
) -> dict[ir.Value, _Class]:
    groups: dict[int, _Class] = {}
    classes: dict[ir.Value, _Class] = {}
    for value, parameters in placed.items():
        group = groups.setdefault(id(parameters), _Class(scale=float(parameters.scale[0])))
        group.values.append(value)
        group.is_fixed |= value in fixed
        classes[value] = group
    for group in groups.values():
        if not all(_only_added(value) for value in group.values):
            group.narrowest = group.scale
    return classes


def _only_added(value: ir.Value) -> bool:
    """Whether a value is read by one addition alone, perhaps through operators that copy it."""
    reader = edit.sole_consumer(value)
    return reader is not None and reader.op_type in {"Add", "Sub"} | SHARED_SCALE


def _share(node: ir.Node, classes: dict[ir.Value, _Class]) -> None:
    """Join operands and sum, or else the sum and the operand that nothing else reads."""
    values = _operands_and_sum(node)
    if any(value not in classes for value in values):
        return
    if not _join_all(values, classes):
        operands, result = values[:2], values[2]
        for operand in operands:
            if _only_added(operand) and _join_all([operand, result], classes):
                return


def _operands_and_sum(node: ir.Node) -> list[ir.Value]:
    follower = fused_activation(node)
    result = node.outputs[0] if follower is None else follower.outputs[0]
    return [*(value for value in node.inputs if value is not None), result]


def _join_all(values: list[ir.Value], classes: dict[ir.Value, _Class]) -> bool:
    """Join the classes of values; return whether they share one now."""
    distinct = list({id(classes[value]): classes[value] for value in values}.values())
    if len(distinct) == 1:
        return True
    joined = _join(distinct)
    if joined is None:
        return False
    classes.update((value, joined) for value in joined.values)
    return True


def _avoid_halves(node: ir.Node, classes: Mapping[ir.Value, _Class]) -> None:
    """Widen the scale of a sum until every runtime rounds the other operand alike."""
    values = _operands_and_sum(node)
    if any(value not in classes for value in values):
        return
    first, second, total = (classes[value] for value in values)
    if total.is_fixed or (first is total) == (second is total):
        return
    other = second if first is total else first
    total.scale = other.scale / tie_free_below(other.scale / total.scale)
    total.is_fixed = other.is_fixed = True


def _join(parts: list[_Class]) -> _Class | None:
    """Return the union of classes; None where sharing a scale would cost too much."""
    fixed = {part.scale for part in parts if part.is_fixed}
    if len(fixed) > 1:
        return None
    widest = max(part.scale for part in parts)
    scale = fixed.pop() if fixed else widest
    narrowest = min(part.narrowest for part in parts)
    if scale < widest or scale > TOLERANCE * narrowest:
        return None
    values = [value for part in parts for value in part.values]
    return _Class(values, scale, narrowest, any(part.is_fixed for part in parts))


def _rescaled(parameters: Quantization, scale: float) -> Quantization:
    """Return parameters with a wider scale that still reach as low as before."""
    own = float(parameters.scale[0])
    if own == np.float32(scale):
        return parameters
    low = (INT8_LOW - int(parameters.zero_point[0])) * own
    zero_point = round(INT8_LOW - low / scale)
    return per_tensor(scale, min(max(zero_point, INT8_LOW), INT8_HIGH))
