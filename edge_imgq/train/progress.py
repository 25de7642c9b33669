"""Progress reports of a training run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingProgress:
    """State of a run at one report.

    Attributes:
        step: Steps taken.
        steps: Total steps.
        loss: Mean loss since the last report, or None without a step since.
        learning_rate: Adam's learning rate at this step.
        validation_psnr: Mean PSNR of the averaged weights in dB if this report is a validation,
            else None.
        pixels_per_second: Input pixels per second of training, over all sessions of the run.
    """

    step: int
    steps: int
    loss: float | None
    learning_rate: float
    validation_psnr: float | None
    pixels_per_second: float
