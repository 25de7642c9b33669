"""Configuration of a training run, and its validation."""

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

MIN_CROP = 32
"""Side in pixels of the smallest crops from which `assess-slim` can be trained."""

CHECKPOINT = "checkpoint.safetensors"
"""File name of the checkpoint in a run's folder."""


@dataclass(frozen=True)
class TrainConfig:
    """Configuration of one training run.

    Attributes:
        model: Name in the zoo.
        data: Folders of training images. A folder with two subfolders `blur` and `sharp` is read as
            pairs; images of other folders are degraded synthetically.
        output: Folder for `checkpoint.safetensors` and `log.jsonl`; a checkpoint there is resumed.
        schedule: Training schedule.
        start_from: Initial weights, of this network or of one that shares layers with it; None for
            random initialisation.
        validation: Folder of held-out images (or pairs), or None for no validation.
        threads: CPU threads.
        checkpoint_minutes: Minutes between checkpoints.
        validate_every: Steps between validations.
        tensorboard: Whether to write event files beside the log.
        features: Weights of the feature network of a composite loss, or None for the shipped one.
        device: "cuda", "cpu", or "auto" for a GPU if PyTorch finds one.
        precision: "bfloat16" follows the schedule even if bfloat16 is emulated, "auto" uses float32
            in that case, and "float32" always.
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
    """Check the values of a configuration; return if a run can start. No file is opened.

    Raises:
        UsageError: The network or a degradation is unknown, a value is out of range, or an option
            does not suit the network; the message names it.
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
    if not 0 <= schedule.relu_share <= 1:
        raise UsageError(f"The share of ReLU must be 0 to 1, not {schedule.relu_share}.")
    if not config.data:
        raise UsageError("Training needs at least one folder of images: --data DIR.")


def _check_assessment(config: TrainConfig) -> None:
    if config.schedule.patch < MIN_CROP:
        raise UsageError(
            f"{config.model} sees crops at an eighth of their size: the patch must be at least "
            f"{MIN_CROP}, not {config.schedule.patch}."
        )
    if config.validation is not None:
        raise UsageError(
            f"{config.model} returns no image, so it has no PSNR: leave --validation out."
        )
