"""What one level of a tensor becomes at the output: one value of a report."""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.skipped import Skipped

NEARLY_ITS_GRAPH = Skipped("nearly all of its values are those of its graph")


@dataclass(frozen=True)
class LevelGain:
    """What one level of a tensor becomes.

    Attributes:
        tensor: its name in the quantized graph.
        operator: that writes it.
        levels: the largest change of the output that was seen, in levels of 255.
    """

    tensor: str
    operator: str
    levels: float
