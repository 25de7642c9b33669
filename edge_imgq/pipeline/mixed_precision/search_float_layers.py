"""The search for layers in float, repeated until the graph that is made so is near enough."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_imgq.quantize.mixed_precision.precision_search import Choice, PrecisionSearch

ROUNDS = 4
"""Times that a choice is quantized anew and extended where it did not keep what was foretold."""


def choose(
    search: PrecisionSearch,
    wanted: float,
    best: float,
    lacking: Callable[[Choice], float],
    progress: Callable[[str], None],
) -> tuple[Choice, bool]:
    """Return the choice of least time that was found, and whether it is near enough.

    Args:
        search: for layers in float.
        wanted: dB to foretell.
        best: dB with all layers in float.
        lacking: makes a graph by a choice, and returns the dB that it lacks, none or less where it
            is near enough; infinite where more layers would not do either.
        progress: told of every choice that is tried.
    """
    asked, tried = wanted, None
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
