"""How a network learns, and how each network of the zoo does unless something else is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_imgq.models.zoo import zoo_entry

if TYPE_CHECKING:
    from edge_imgq.train.choices import Decay, Loss


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
    """Return how a network of the zoo is trained when nothing else is asked for.

    Raises:
        UsageError: There is no such network.
    """
    return DEFAULTS[zoo_entry(model).name]
