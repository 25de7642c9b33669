"""What a step of the quantizer did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class QuantizationStep:
    """A step of the quantizer and where the graph stood after it.

    Attributes:
        name: of the step, in the words of the recipes.
        psnr: dB between the images of the float and of the quantized graph, mean over patches of
            the calibration images that no step learned from.
        kept: whether the graph was nearer to the float one than before; else it was put back.
    """

    name: str
    psnr: float
    kept: bool = True
