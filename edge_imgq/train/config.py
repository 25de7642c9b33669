"""What a training run is: its options, and what they must be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_imgq.errors import UsageError
from edge_imgq.images.degrade import ON_COLOUR, degrade_for
from edge_imgq.models.zoo import zoo_entry

if TYPE_CHECKING:
    from pathlib import Path

    from edge_imgq.train.choices import Device, PrecisionChoice
    from edge_imgq.train.schedule import Schedule

LEAST_CROP = 32
"""Side of the smallest crops from which `assess-slim` learns."""

CHECKPOINT = "checkpoint.safetensors"
"""File in a run's folder that holds its weights and its state."""


@dataclass(frozen=True)
class TrainConfig:
    """One run of training.

    Attributes:
        model: Name in the zoo.
        data: Folders of training images. A folder that holds two folders `blur` and `sharp` is
            taken as pairs; all others hold ordinary photographs, which are degraded here.
        output: Folder for `checkpoint.safetensors` and `log.jsonl`; a checkpoint found there is
            continued.
        schedule: How to train.
        start_from: Weights to begin with, of this network or of one that shares layers with it;
            None for the network's own initial weights.
        validation: Folder of held-out images (or pairs), or None for no validation.
        threads: Processor threads.
        checkpoint_minutes: Time between two checkpoints.
        validate_every: Steps between two validations.
        tensorboard: Whether to write event files beside the log.
        features: Weights of the network whose features a loss of several parts compares, or None
            for one that ships.
        device: Where the network learns: on a GPU ("cuda"), on the processor, or "auto" for a
            GPU where PyTorch sees one.
        precision: "bfloat16" takes what the schedule says even where it is emulated, "auto"
            computes in float32 there, and "float32" everywhere.
    """

    model: str
    data: tuple[Path, ...]
    output: Path
    schedule: Schedule
    start_from: Path | None = None
    validation: Path | None = None
    threads: int = 1
    checkpoint_minutes: float = 3.0
    validate_every: int = 2000
    tensorboard: bool = False
    features: Path | None = None
    device: Device = "auto"
    precision: PrecisionChoice = "auto"


def check_config(config: TrainConfig) -> None:
    """Refuse a run that cannot work.

    Raises:
        UsageError: A number is out of its range; the message names it.
    """
    schedule, entry = config.schedule, zoo_entry(config.model)
    counts = {name: getattr(schedule, name) for name in ("steps", "batch", "versions", "grid")}
    for name, value in {**counts, "threads": config.threads}.items():
        if value < 1:
            raise UsageError(f"{name} must be at least 1, not {value}.")
    if schedule.patch < 8 or schedule.patch % entry.multiple:
        raise UsageError(
            f"The patch of {entry.name} must be at least 8 and a multiple of {entry.multiple}, "
            f"not {schedule.patch}."
        )
    if entry.task == "assessment":
        _check_assessment(config)
    else:
        degrade_for(entry.task, entry.scale, schedule.then)  # which refuses unknown names
    if entry.colour == "y" and ON_COLOUR.intersection(schedule.then):
        raise UsageError(f"{entry.name} works on luma; --then phone is for networks on RGB.")
    if not schedule.learning_rate > 0:
        raise UsageError(f"The learning rate must be above 0, not {schedule.learning_rate}.")
    if not schedule.int8_noise >= 0:
        raise UsageError(f"The noise of int8 must be 0 or above, not {schedule.int8_noise}.")
    if not config.data:
        raise UsageError("Training needs at least one folder of images: --data DIR.")


def _check_assessment(config: TrainConfig) -> None:
    if config.schedule.patch < LEAST_CROP:
        raise UsageError(
            f"{config.model} sees crops at an eighth of their size: the patch must be at least "
            f"{LEAST_CROP}, not {config.schedule.patch}."
        )
    if config.validation is not None:
        raise UsageError(
            f"{config.model} returns no image, so it has no PSNR: leave --validation out."
        )
