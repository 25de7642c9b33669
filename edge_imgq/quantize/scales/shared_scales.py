"""Classes of values that share a scale, and how far each scale may still change."""

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
        values: members of the class.
        scale: widest scale that a member needs, or the fixed one.
        narrowest: narrowest scale of a member that tolerates little widening; infinity if none.
        is_fixed: whether the format gives the scale or it is final.
        is_reciprocal: whether it is fixed only for its exact float32 reciprocal, so that another
            such number would do.
    """

    values: list[ir.Value] = field(default_factory=list)
    scale: float = 0.0
    narrowest: float = float("inf")
    is_fixed: bool = False
    is_reciprocal: bool = False

    def fix(self) -> None:
        """Make the scale final, in place: later choices must not change it."""
        self.is_fixed, self.is_reciprocal = True, False


def scale_classes(
    qparams: Mapping[ir.Value, Quantization], fixed: Mapping[ir.Value, Quantization]
) -> dict[ir.Value, ScaleClass]:
    """Map every activation to its class of values that share one scale.

    Args:
        qparams: per-tensor quantization of every activation; members of a class hold the same
            object.
        fixed: values whose parameters are given; their classes are marked as fixed.
    """
    groups: dict[int, ScaleClass] = {}
    classes: dict[ir.Value, ScaleClass] = {}
    for value, parameters in qparams.items():
        group = groups.setdefault(id(parameters), ScaleClass(scale=float(parameters.scale[0])))
        group.values.append(value)
        group.is_fixed |= value in fixed
        classes[value] = group
    for group in groups.values():
        if not all(only_added(value) for value in group.values):
            group.narrowest = group.scale
    return classes


def only_added(value: ir.Value) -> bool:
    """Return True if the one reader of a value is an Add, a Sub, or copies integers."""
    reader = edit.sole_consumer(value)
    return reader is not None and reader.op_type in {"Add", "Sub"} | SHARED_SCALE


def write_scales(
    classes: Mapping[ir.Value, ScaleClass],
    qparams: dict[ir.Value, Quantization],
    fixed: Mapping[ir.Value, Quantization],
) -> None:
    """Give every value that is not fixed the scale of its class, in place.

    The zero point is recomputed so that the lower end of the range stays, to half a level.

    Args:
        classes: scale class of every activation.
        qparams: per-tensor quantization of every activation; it is changed.
        fixed: values whose parameters are given, and stay.
    """
    for value, members in classes.items():
        if value not in fixed:
            qparams[value] = _rescaled(qparams[value], members.scale)


def _rescaled(parameters: Quantization, scale: float) -> Quantization:
    """Change the scale; choose the zero point that keeps the lower end of the range."""
    own = float(parameters.scale[0])
    if own == np.float32(scale):
        return parameters
    low = (INT8_LOW - int(parameters.zero_point[0])) * own
    zero_point = round(INT8_LOW - low / scale)
    return per_tensor(scale, min(max(zero_point, INT8_LOW), INT8_HIGH))
