"""Training schedules, and the default schedule of each network of the zoo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_imgq.models.zoo import zoo_entry

if TYPE_CHECKING:
    from edge_imgq.train.choices import Decay, Loss


@dataclass(frozen=True)
class Schedule:
    """Hyperparameters of a training run, stored in its checkpoints.

    Attributes:
        steps: Total optimiser steps.
        batch: Patches per step.
        patch: Height and width of an input patch, in pixels.
        learning_rate: Peak learning rate of Adam, reached after `warmup` steps.
        warmup: Steps of linear warm-up.
        decay: "cosine" to 0, "step" by a factor of 0.1 at each of `milestones`, or "constant".
        milestones: Fractions of the steps at which a stepped rate falls.
        loss: Loss in the first phase.
        squared_from: Fraction of the steps after which the loss is the squared error, which PSNR
            measures; "psnr" and composite losses are kept.
        bfloat16_until: Fraction of the steps computed in bfloat16 (autocast); the rest is float32.
        luma_share: Weight of the loss on the luma of an RGB image, on which super-resolution is
            evaluated; the rest is on its channels.
        head_until: Fraction of the steps in which only the last layer is trained, for transfer from
            another scale.
        int8_noise: Width, in int8 steps, of the noise added to every intermediate tensor
            (`edge_imgq.train.int8_noise`); 0 for none.
        relu_share: Share of each PReLU's channels that become ReLU, those with the smallest slopes;
            0 for none.
        average: Decay of the moving average of the weights, which is validated and kept.
        scales: Relative sizes at which every training image is used.
        then: Degradations applied to each input after the one of its task
            (`edge_imgq.images.degrade.PIECES`).
        versions: Degraded versions per image (1 where the degradation is deterministic).
        grid: Patches begin at multiples of this; 8 keeps JPEG blocks aligned.
        pair_weight: Relative frequency of patches of a real pair against synthetically degraded
            ones.
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
    relu_share: float = 0.0
    average: float = 0.999
    scales: tuple[float, ...] = (1.0,)
    then: tuple[str, ...] = ()
    versions: int = 1
    grid: int = 1
    pair_weight: int = 1
    seed: int = 1


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
"""Fine-tuning from the weights of another scale."""

FROM_NEW = Schedule(
    steps=45_000,
    batch=16,
    patch=32,
    learning_rate=2e-3,
    scales=(1.0, 0.9, 0.8, 0.7, 0.6),
)
"""Super-resolution at low resolution."""

ENLARGED = Schedule(
    steps=30_000,
    batch=16,
    patch=24,
    learning_rate=1e-3,
    bfloat16_until=0.85,
    scales=(1.0, 0.9, 0.8, 0.7, 0.6),
)
"""Super-resolution on the bicubic enlargement, where every pixel costs four times as much."""

IN_PHASES = Schedule(
    steps=20_000,
    batch=16,
    patch=32,
    learning_rate=1e-3,
    squared_from=0.8,
    bfloat16_until=0.85,
    scales=(1.0, 0.9, 0.8, 0.7, 0.6),
)
"""Super-resolution on the phases of the enlargement."""

DEBLUR = Schedule(
    steps=16_000,
    batch=8,
    patch=96,
    learning_rate=8e-4,
    bfloat16_until=0.9,
    scales=(1.0, 0.7, 1.3),  # frames of video are softer than photographs
    pair_weight=48,
)
"""Motion deblurring."""

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
    "denoise-sigma": Schedule(
        steps=36_000,
        batch=8,
        patch=64,
        learning_rate=2e-3,
        bfloat16_until=0.85,
        scales=(1.0, 0.8),
        versions=4,
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
    "assess-slim": Schedule(
        steps=6_000,
        batch=64,
        patch=96,
        learning_rate=2e-3,
        bfloat16_until=0.0,
        versions=6,
    ),
}


def default_schedule(model: str) -> Schedule:
    """Return the schedule with which `edge-imgq train` trains a network of the zoo by default.

    Raises:
        UsageError: There is no such network.
    """
    return DEFAULTS[zoo_entry(model).name]
