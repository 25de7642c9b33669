"""What a schedule asks for at a step: rate, precision, loss, and which layers learn.

A run at a constant rate has no end to prepare for: its loss and its precision stay as they are at
first, so it can be given more steps at any time.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from edge_imgq.train.choices import PixelLoss
    from edge_imgq.train.schedule import Schedule

Precision = Literal["bfloat16", "float32"]

OF_THE_STEPS = frozenset(
    {"steps", "decay", "milestones", "squared_from", "bfloat16_until", "head_until"}
)
"""Fields that matter only by what they make of a step."""


def learning_rate(schedule: Schedule, step: int) -> float:
    """Linear warm-up, then constant, or a cosine that ends at zero, or a fall in steps."""
    warm = min(1.0, (step + 1) / max(1, schedule.warmup))
    if schedule.decay == "cosine":
        decayed = 0.5 * (1 + math.cos(math.pi * step / schedule.steps))
    elif schedule.decay == "step":
        passed = sum(step >= share * schedule.steps for share in schedule.milestones)
        decayed = 0.1**passed
    else:
        decayed = 1.0
    return schedule.learning_rate * warm * decayed


def precision_at(schedule: Schedule, step: int) -> Precision:
    """In which precision step number `step` (from 0) is computed."""
    until = math.inf if schedule.decay == "constant" else schedule.steps
    return (
        "bfloat16"
        if schedule.bfloat16_until and step < schedule.bfloat16_until * until
        else "float32"
    )


def pixel_loss_at(schedule: Schedule, step: int) -> PixelLoss:
    """Which error of pixels counts; a loss of several parts stays, beside an absolute one."""
    if schedule.loss == "dped" or schedule.loss == "deblurgan":
        return "absolute"
    if schedule.decay == "constant" or schedule.loss == "psnr":
        return schedule.loss
    return "squared" if step >= schedule.squared_from * schedule.steps else schedule.loss


def head_alone_at(schedule: Schedule, step: int) -> bool:
    """Whether the last layer alone learns."""
    return step < schedule.head_until * schedule.steps


def same_until(one: Schedule, other: Schedule, step: int) -> bool:
    """Whether a run of either schedule stands at the same weights after `step` steps."""
    for field in dataclasses.fields(one):
        if field.name in OF_THE_STEPS:
            continue
        if getattr(one, field.name) != getattr(other, field.name):
            return False
    asked = (learning_rate, precision_at, pixel_loss_at, head_alone_at)
    return all(of(one, past) == of(other, past) for past in range(step) for of in asked)
