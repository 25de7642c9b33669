"""Search for layers to keep in float until the quantized result meets the goal."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_imgq.quantize.mixed_precision.precision_search import Choice, PrecisionSearch

ROUNDS = 4
"""Most choices that are quantized; each after the first makes up for what the last one lacked."""


def choose(
    search: PrecisionSearch,
    target: float,
    best: float,
    lacking: Callable[[Choice], float],
    progress: Callable[[str], None],
) -> tuple[Choice, bool]:
    """Return the fastest choice of float layers found, and whether its result meets the goal.

    At most four choices are quantized. A result that lacks some dB raises the PSNR that the next
    search must predict by as much.

    Args:
        search: search for layers to keep in float; it predicts PSNR.
        target: PSNR in dB that the first choice must be predicted to reach.
        best: predicted PSNR in dB with all layers in float, the upper bound.
        lacking: quantizes with a choice and returns the dB that the result lacks, at most 0 if it
            meets the goal, infinity if more layers cannot help.
        progress: called with a description of every move that is tried.
    """
    asked, tried = target, None
    for _ in range(ROUNDS):
        choice = search.find(asked, progress)
        if choice == tried:
            break
        tried, lack = choice, lacking(choice)
        if lack <= 0:
            return choice, True
        if choice.psnr < asked or math.isinf(lack):
            break
        asked = min(choice.psnr + lack, best)
    return choice, False
