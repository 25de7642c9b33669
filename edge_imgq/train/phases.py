"""Values of a schedule at a step: learning rate, precision, loss and trained layers.

A run at a constant rate has no final phase: its loss and precision stay those of the beginning, so
it can be extended at any time.
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
"""Fields that affect a run only through the values at each step."""


def learning_rate(schedule: Schedule, step: int) -> float:
    """Return a step's learning rate: warm-up, then constant, cosine to zero, or stepped.

    `step` counts from 0, over the whole run; the schedule names the form.
    """
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
    """Return the precision in which step number `step` (from 0) is computed."""
    until = math.inf if schedule.decay == "constant" else schedule.steps
    return (
        "bfloat16"
        if schedule.bfloat16_until and step < schedule.bfloat16_until * until
        else "float32"
    )


def pixel_loss_at(schedule: Schedule, step: int) -> PixelLoss:
    """Return the pixel loss of a step; "absolute" throughout beside a composite loss.

    `step` counts from 0, over the whole run.
    """
    if schedule.loss == "dped" or schedule.loss == "deblurgan":
        return "absolute"
    if schedule.decay == "constant" or schedule.loss == "psnr":
        return schedule.loss
    return "squared" if step >= schedule.squared_from * schedule.steps else schedule.loss


def head_alone_at(schedule: Schedule, step: int) -> bool:
    """Return True if only the last layer is trained at a step.

    `step` counts from 0, over the whole run; the phase is the first `head_until` of all steps.
    """
    return step < schedule.head_until * schedule.steps


def same_until(one: Schedule, other: Schedule, step: int) -> bool:
    """Return True if the first `step` steps of both schedules are computed alike.

    Runs on the same images then have equal weights after them.
    """
    for field in dataclasses.fields(one):
        if field.name in OF_THE_STEPS:
            continue
        if getattr(one, field.name) != getattr(other, field.name):
            return False
    asked = (learning_rate, precision_at, pixel_loss_at, head_alone_at)
    return all(of(one, past) == of(other, past) for past in range(step) for of in asked)
