"""Diagnosis of an int8 graph that loses more than its budget."""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.quantize.mixed_precision.worst_layer import WorstLayer
from edge_imgq.skipped import Skipped

CLEARLY = 1.25
"""Least ratio of float to mixed time at which a mixed file is kept, since a float file loses
nothing."""


@dataclass(frozen=True)
class FileTimes:
    """Times of a mixed, an int8 and a float file on this host.

    The files are called in turns; each time is the minimum over many calls, in ms.

    Attributes:
        target: Name of the target.
        float_target: Name of the target of the float file.
        mixed_ms: Time with some layers in float.
        int8_ms: Time with all layers in int8.
        float_ms: Time with all layers in float.
        is_kept: Whether the mixed file is the target's file.
    """

    target: str
    float_target: str
    mixed_ms: float
    int8_ms: float
    float_ms: float
    is_kept: bool = True

    @property
    def is_clearly_faster(self) -> bool:
        """True if the mixed file takes at most 0.8 of the float file's time."""
        return self.float_ms >= CLEARLY * self.mixed_ms


@dataclass(frozen=True)
class MixedPrecision:
    """Layers that, kept in float, bring int8 within its budget.

    Attributes:
        layers: Layer names.
        psnr: PSNR against the float model in dB: predicted on the patches of the diagnosis, or
            measured on all held-out patches if files were made with these layers in float.
        time: Estimated time of a mixed TFLite file as a multiple of the time in int8.
        time_in_float: Estimated time of a float TFLite file, in the same unit; skipped if no
            recipe makes one.
        commands: Commands that write such a recipe and export with it; empty if files were made.
        recipe: File in the model's folder that lists the layers, if files were made; else "".
        int8_breaches: Budget breaches of the all-int8 files that mixed ones replaced.
        measured: Times of the files on this host; empty if not timed.
    """

    layers: tuple[str, ...]
    psnr: float
    time: float
    time_in_float: float | Skipped
    commands: tuple[str, ...] = ()
    recipe: str = ""
    int8_breaches: tuple[str, ...] = ()
    measured: tuple[FileTimes, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """Layers that cause the loss of an int8 graph that is over budget.

    Attributes:
        layers: Layers with the largest error, largest first; empty if the loss is spread evenly.
        psnr: PSNR of the int8 graph against the float graph in dB, mean over held-out calibration
            patches.
        wanted: PSNR there at which the files would be about within budget, in dB.
        mixed_precision: A few layers that reach it if kept in float, or the reason why there are
            none.
    """

    layers: tuple[WorstLayer, ...]
    psnr: float
    wanted: float
    mixed_precision: MixedPrecision | Skipped


WITHIN = Skipped("its files are within budget")
ALL_INT8 = Skipped("its files are within budget, so nothing was kept in float")
NO_FILES = Skipped("none of its files was measured")
NO_PICTURE = Skipped(
    "the network's values are not a picture, not even in float: correct that first"
)
NOT_BY_ROUNDING = Skipped("its files lose more than the graph does: the loss is in their writing")
