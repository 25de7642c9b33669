"""The words among which a training run chooses; apart from the rest, so that parsers are quick."""

from __future__ import annotations

from typing import Literal

PixelLoss = Literal["absolute", "charbonnier", "squared", "psnr"]
"""Errors of pixels."""

PaperLoss = Literal["dped", "deblurgan"]
"""Sums of several losses, as a paper has them."""

Loss = PixelLoss | PaperLoss
Device = Literal["auto", "cpu", "cuda"]
PrecisionChoice = Literal["auto", "bfloat16", "float32"]
Decay = Literal["cosine", "step", "constant"]
