"""What is told of a training run while it lasts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingProgress:
    """Where a run stands.

    Attributes:
        step: Steps taken.
        steps: Steps in all.
        loss: Mean loss since the last report, or None where no step was taken since.
        learning_rate: Adam's rate at this step.
        validation_psnr: Mean PSNR of the averaged weights in dB where this report is a
            validation, else None.
        pixels_per_second: Input pixels per second of training, over all parts of the run.
    """

    step: int
    steps: int
    loss: float | None
    learning_rate: float
    validation_psnr: float | None
    pixels_per_second: float
