"""Gain from one quantization level of a tensor to the output: one row of a report."""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.skipped import Skipped

NEARLY_ITS_GRAPH = Skipped("nearly all of its values are those of its graph")


@dataclass(frozen=True)
class LevelGain:
    """Largest change of the output when one value of a tensor moves by one quantization level.

    Attributes:
        tensor: name in the quantized graph.
        operator: type of the operator that writes the tensor.
        levels: largest observed change of the output, in levels of 255.
    """

    tensor: str
    operator: str
    levels: float
