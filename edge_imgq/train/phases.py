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
    """Return the learning rate of step number `step`, from 0 over the whole run.

    The schedule's peak rate times its decay: constant, a cosine from 1 to 0 over all steps, or a
    tenth after each milestone; in the first `warmup` steps also times a linear ramp from 0 to 1.
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
    """Return the precision in which step number `step` (from 0) is computed.

    bfloat16 in the first `bfloat16_until` of all steps, or throughout at a constant rate if that is
    above 0; float32 in the others.
    """
    until = math.inf if schedule.decay == "constant" else schedule.steps
    return (
        "bfloat16"
        if schedule.bfloat16_until and step < schedule.bfloat16_until * until
        else "float32"
    )


def pixel_loss_at(schedule: Schedule, step: int) -> PixelLoss:
    """Return the name of the pixel loss of step number `step`, from 0 over the whole run.

    The schedule's loss, then "squared" from its fraction `squared_from` of the steps on. "psnr" is
    kept throughout, as is any loss at a constant rate; for a composite loss it is "absolute".
    """
    if schedule.loss == "dped" or schedule.loss == "deblurgan":
        return "absolute"
    if schedule.decay == "constant" or schedule.loss == "psnr":
        return schedule.loss
    return "squared" if step >= schedule.squared_from * schedule.steps else schedule.loss


def head_alone_at(schedule: Schedule, step: int) -> bool:
    """Return True if only the last layer is trained at step number `step`, from 0.

    That is in the first `head_until` of the schedule's steps.
    """
    return step < schedule.head_until * schedule.steps


def same_until(one: Schedule, other: Schedule, step: int) -> bool:
    """Return True if the first `step` steps of both schedules are computed alike.

    Runs on the same images then have equal weights after them. Fields in OF_THE_STEPS, such as the
    number of steps, may differ if the values of each of these steps do not; all others must agree.
    """
    for field in dataclasses.fields(one):
        if field.name in OF_THE_STEPS:
            continue
        if getattr(one, field.name) != getattr(other, field.name):
            return False
    asked = (learning_rate, precision_at, pixel_loss_at, head_alone_at)
    return all(of(one, past) == of(other, past) for past in range(step) for of in asked)
