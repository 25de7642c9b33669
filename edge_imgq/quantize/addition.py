"""Additions that do not round: one scale for both operands and the sum.

With scales a, b and y an int8 addition computes round(a/y · qa + b/y · qb): it rounds once more,
after the operands were rounded already. With one scale S for all three it is an integer addition,

    qy − zy = (qa − za) + (qb − zb),

exact, on every target alike. The branch that is only added is then rounded at S instead of its own
finer scale, but that rounding replaces the one of the sum: S²/12 of noise instead of b²/12 + y²/12.
Zero points stay each value's own.

Scales are shared where that costs little: a value that is also read elsewhere may have its scale
widened by at most TOLERANCE, and a fixed scale (the image's) is taken only by values that fit it.
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

TOLERANCE = 1.3
"""Largest factor on the scale of a value that is read by more than the addition."""


@dataclass
class _Class:
    """Values that share a scale.

    Attributes:
        values: the members.
        scale: the widest that a member needs, or the fixed one.
        narrowest: the narrowest scale of a member that must not be widened by much.
        is_fixed: whether a member's scale is given by the format.
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
    for node in graph:
        if node.op_type in ("Add", "Sub"):
            _try_join(node, classes)
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


def _try_join(node: ir.Node, classes: dict[ir.Value, _Class]) -> None:
    follower = fused_activation(node)
    result = node.outputs[0] if follower is None else follower.outputs[0]
    values = [*node.inputs, result]
    members = [classes[value] for value in values if value is not None and value in classes]
    distinct = list({id(member): member for member in members}.values())
    if len(members) != 3 or len(distinct) < 2:
        return
    joined = _join(distinct)
    if joined is not None:
        classes.update((value, joined) for value in joined.values)


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
