"""Values that must share a scale, and what each such class may still do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.network import Quantization
from edge_imgq.quantize.ranges.ranges import INT8_HIGH, INT8_LOW, per_tensor
from edge_imgq.quantize.scales.scale_constraints import SHARED_SCALE


@dataclass
class ScaleClass:
    """Values that share a scale.

    Attributes:
        values: the members.
        scale: the widest that a member needs, or the fixed one.
        narrowest: the narrowest scale of a member that must not be widened by much.
        is_fixed: whether a member's scale is given by the format, or has been chosen for good.
        is_reciprocal: whether it is fixed only because float32 holds its reciprocal, so that
            another such number would do.
    """

    values: list[ir.Value] = field(default_factory=list)
    scale: float = 0.0
    narrowest: float = float("inf")
    is_fixed: bool = False
    is_reciprocal: bool = False

    def fix(self) -> None:
        """Keep the scale from here on."""
        self.is_fixed, self.is_reciprocal = True, False


def scale_classes(
    placed: Mapping[ir.Value, Quantization], fixed: Mapping[ir.Value, Quantization]
) -> dict[ir.Value, ScaleClass]:
    """Return the class of every activation.

    Args:
        placed: quantization of every activation; values that copying operators join hold one
            and the same object.
        fixed: the values among them whose parameters nobody chooses.
    """
    groups: dict[int, ScaleClass] = {}
    classes: dict[ir.Value, ScaleClass] = {}
    for value, parameters in placed.items():
        group = groups.setdefault(id(parameters), ScaleClass(scale=float(parameters.scale[0])))
        group.values.append(value)
        group.is_fixed |= value in fixed
        classes[value] = group
    for group in groups.values():
        if not all(only_added(value) for value in group.values):
            group.narrowest = group.scale
    return classes


def only_added(value: ir.Value) -> bool:
    """Tell whether a value is read by one addition alone, perhaps through operators that copy."""
    reader = edit.sole_consumer(value)
    return reader is not None and reader.op_type in {"Add", "Sub"} | SHARED_SCALE


def write_scales(
    classes: Mapping[ir.Value, ScaleClass],
    placed: dict[ir.Value, Quantization],
    fixed: Mapping[ir.Value, Quantization],
) -> None:
    """Give every value that is not fixed the scale of its class; in place."""
    for value, members in classes.items():
        if value not in fixed:
            placed[value] = _rescaled(placed[value], members.scale)


def _rescaled(parameters: Quantization, scale: float) -> Quantization:
    """Return parameters with a wider scale that still reach as low as before."""
    own = float(parameters.scale[0])
    if own == np.float32(scale):
        return parameters
    low = (INT8_LOW - int(parameters.zero_point[0])) * own
    zero_point = round(INT8_LOW - low / scale)
    return per_tensor(scale, min(max(zero_point, INT8_LOW), INT8_HIGH))
