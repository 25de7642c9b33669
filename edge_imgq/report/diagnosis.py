"""Why an int8 graph loses more than its budget, and what mends it: one value of a report."""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.quantize.mixed_precision.worst_layer import WorstLayer
from edge_imgq.skipped import Skipped

CLEARLY = 1.25
"""How many times as long as a mixed file a float one must take for the mixed one to be worth it: it
loses nothing."""


@dataclass(frozen=True)
class FileTimes:
    """Times of the files of one target, in turns on this host: the least of many calls.

    Attributes:
        target: its name.
        float_target: of the float file that was timed beside.
        mixed_ms: with some layers in float.
        int8_ms: with all layers in int8.
        float_ms: all in float.
        is_kept: whether the target's file is the mixed one.
    """

    target: str
    float_target: str
    mixed_ms: float
    int8_ms: float
    float_ms: float
    is_kept: bool = True

    @property
    def is_clearly_faster(self) -> bool:
        """Whether the mixed file takes at most 0.8 times as long as the float one."""
        return self.float_ms >= CLEARLY * self.mixed_ms


@dataclass(frozen=True)
class Mend:
    """Layers that, kept in float, bring int8 within its budget.

    Attributes:
        layers: their names.
        psnr: dB to the float image, foretold on the patches of the diagnosis; of the graph with
            them, on all held-out patches, where files were made so.
        time: estimated time of a TFLite file, of that with all layers in int8.
        time_in_float: estimated time of a float TFLite file, in the same unit; a reason where no
            recipe makes one.
        commands: that write the recipe and export by it; none where files were made so.
        recipe: file that lists them, below the model's folder, where files were made so; else "".
        spared: what the files with all layers in int8 exceeded, where others took their place.
        measured: times of files on this host; none where they were not timed.
    """

    layers: tuple[str, ...]
    psnr: float
    time: float
    time_in_float: float | Skipped
    commands: tuple[str, ...] = ()
    recipe: str = ""
    spared: tuple[str, ...] = ()
    measured: tuple[FileTimes, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """Which layers make the loss of an int8 graph that is over budget.

    Attributes:
        layers: that make most of it, the loudest first; none where all lose alike.
        psnr: dB between the images of the float and of the int8 graph, mean over some patches of
            the calibration images that no step learned from.
        wanted: dB there with which the files would be about within budget.
        mend: few layers that reach that in float, or why there are none.
    """

    layers: tuple[WorstLayer, ...]
    psnr: float
    wanted: float
    mend: Mend | Skipped


WITHIN = Skipped("its files are within budget")
ALL_INT8 = Skipped("its files are within budget, so nothing was kept in float")
NO_FILES = Skipped("none of its files was measured")
NO_PICTURE = Skipped("the network's values are no picture, in float either: mend that first")
NOT_BY_ROUNDING = Skipped("its files lose more than the graph does: the loss is in their writing")
