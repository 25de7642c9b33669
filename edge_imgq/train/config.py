"""What a training run is: its options, and each network's defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_imgq.errors import UsageError
from edge_imgq.images.degrade import ON_COLOUR, degrade_for
from edge_imgq.models.zoo import zoo_entry

if TYPE_CHECKING:
    from pathlib import Path

    from edge_imgq.train.choices import Decay, Device, Loss, PrecisionChoice


@dataclass(frozen=True)
class Schedule:
    """How a network is trained; everything here is stored in its checkpoints.

    Attributes:
        steps: Optimiser steps in all.
        batch: Patches per step.
        patch: Height and width of a patch of the network's input, in pixels.
        learning_rate: The highest rate of Adam, reached after `warmup` steps.
        warmup: Steps of linear warm-up.
        decay: How the rate falls: along a cosine to 0, to a tenth at each of `milestones`, or
            not at all.
        milestones: Shares of the steps at which a rate that falls in steps does.
        loss: What is minimised at first.
        squared_from: Share of the steps after which the loss is the squared error, which is what
            PSNR measures; `psnr` and a loss of several parts stay.
        bfloat16_until: Share of the steps computed in bfloat16 (autocast); the rest is float32.
        luma_share: Share of the loss that is taken on the luma of an RGB image, by which
            super-resolution is judged; the rest is on its channels.
        head_until: Share of the steps in which the last layer alone is trained, which is how a
            network learns another scale from one that it has learned.
        int8_noise: Width, in steps of int8, of the noise that every intermediate tensor gets
            (`edge_imgq.train.int8_noise`); 0 for none.
        average: Decay of the moving average of the weights, which is what is validated and kept.
        scales: Sizes at which every training image is used, as shares of its own.
        then: What each input suffers after the degradation of its task
            (`edge_imgq.images.degrade.PIECES`).
        versions: How often each image is degraded anew (1 where the degradation is fixed).
        grid: Patches begin at multiples of this; 8 keeps the blocks of a JPEG where they lie.
        pair_weight: How many times likelier a patch of a real pair is than one of an image that
            is degraded here.
        seed: Seed of initial weights, degradations and patches.
    """

    steps: int
    batch: int
    patch: int
    learning_rate: float
    warmup: int = 500
    decay: Decay = "cosine"
    milestones: tuple[float, ...] = (0.5, 0.75, 0.9)
    loss: Loss = "absolute"
    squared_from: float = 0.6
    bfloat16_until: float = 0.7
    luma_share: float = 0.0
    head_until: float = 0.0
    int8_noise: float = 0.0
    average: float = 0.999
    scales: tuple[float, ...] = (1.0,)
    then: tuple[str, ...] = ()
    versions: int = 1
    grid: int = 1
    pair_weight: int = 1
    seed: int = 1


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


FROM_ANOTHER_SCALE = Schedule(
    steps=10_000,
    batch=16,
    patch=24,
    learning_rate=1e-3,
    squared_from=0.5,
    bfloat16_until=0.0,
    head_until=0.05,
    scales=(1.0, 0.9, 0.8, 0.7, 0.6),
)
"""For a network that starts from the weights of another scale."""

FROM_NEW = Schedule(
    steps=45_000,
    batch=16,
    patch=32,
    learning_rate=2e-3,
    scales=(1.0, 0.9, 0.8, 0.7, 0.6),
)
"""For a super-resolution network that works at the low resolution."""

ENLARGED = Schedule(
    steps=30_000,
    batch=16,
    patch=24,
    learning_rate=1e-3,
    bfloat16_until=0.85,
    scales=(1.0, 0.9, 0.8, 0.7, 0.6),
)
"""For one that works on the bicubic enlargement, where every pixel costs as much as four."""

IN_PHASES = Schedule(
    steps=20_000,
    batch=16,
    patch=32,
    learning_rate=1e-3,
    squared_from=0.8,
    bfloat16_until=0.85,
    scales=(1.0, 0.9, 0.8, 0.7, 0.6),
)
"""For one that works on the phases of the enlargement."""

DEBLUR = Schedule(
    steps=16_000,
    batch=8,
    patch=96,
    learning_rate=8e-4,
    bfloat16_until=0.9,
    scales=(1.0, 0.7, 1.3),  # frames of video are softer than photographs
    pair_weight=48,
)
"""For one that removes motion blur."""

SCALES = (2, 3, 4)

DEFAULTS: dict[str, Schedule] = {
    "fsrcnn-x2": Schedule(
        steps=84_000,
        batch=16,
        patch=32,
        learning_rate=2e-3,
        scales=(1.0, 0.9, 0.8, 0.7, 0.6),
    ),
    **{f"fsrcnn-s-x{scale}": FROM_NEW for scale in SCALES},
    **{f"espcn-x{scale}": FROM_NEW for scale in SCALES},
    **{f"srcnn-x{scale}": ENLARGED for scale in SCALES},
    **{f"vdsr-slim-x{scale}": IN_PHASES for scale in SCALES},
    **{f"vdsr-x{scale}": ENLARGED for scale in SCALES},
    "fsrcnn-x3": FROM_ANOTHER_SCALE,
    "fsrcnn-x4": FROM_ANOTHER_SCALE,
    "abpn-x2": Schedule(
        steps=45_000,
        batch=8,
        patch=32,
        learning_rate=1e-3,
        squared_from=1.0,
        bfloat16_until=0.85,
        luma_share=0.8,
        scales=(1.0, 0.9, 0.8, 0.7, 0.6),
    ),
    "jpeg-slim": Schedule(
        steps=10_000,
        batch=16,
        patch=48,
        learning_rate=2e-3,
        bfloat16_until=0.85,
        scales=(1.0, 0.8, 0.65),
        versions=6,
        grid=8,
    ),
    "denoise-slim": Schedule(
        steps=10_000,
        batch=16,
        patch=48,
        learning_rate=2e-3,
        bfloat16_until=0.85,
        scales=(1.0, 0.8),
        versions=12,
    ),
    "dped-slim": Schedule(
        steps=9_000, batch=8, patch=64, learning_rate=1e-3, bfloat16_until=0.85, versions=4
    ),
    "dped": Schedule(steps=20_000, batch=16, patch=96, learning_rate=5e-4, bfloat16_until=0.85),
    "dped-slim-iphone": Schedule(
        steps=4_000,
        batch=4,
        patch=192,  # a whole photo of `benchmarks/dped_teacher.py`
        learning_rate=1e-3,
        warmup=200,
        bfloat16_until=0.85,
        average=0.998,
    ),
    "deblur-slim": DEBLUR,
    **{f"deblur-slim-k{levels}": DEBLUR for levels in (2, 3)},
}


def default_schedule(model: str) -> Schedule:
    """Return how a network of the zoo is trained when nothing else is asked for.

    Raises:
        UsageError: There is no such network.
    """
    return DEFAULTS[zoo_entry(model).name]


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
    degrade_for(entry.task, entry.scale, schedule.then)  # which refuses unknown names
    if entry.colour == "y" and ON_COLOUR.intersection(schedule.then):
        raise UsageError(f"{entry.name} works on luma; --then phone is for networks on RGB.")
    if not schedule.learning_rate > 0:
        raise UsageError(f"The learning rate must be above 0, not {schedule.learning_rate}.")
    if not schedule.int8_noise >= 0:
        raise UsageError(f"The noise of int8 must be 0 or above, not {schedule.int8_noise}.")
    if not config.data:
        raise UsageError("Training needs at least one folder of images: --data DIR.")
