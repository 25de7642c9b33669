"""Enumerated options of a training run, in a module of their own so that parsers import fast."""

from __future__ import annotations

from typing import Literal

PixelLoss = Literal["absolute", "charbonnier", "squared", "psnr"]
"""Pixel losses."""

PaperLoss = Literal["dped", "deblurgan"]
"""Composite losses, as published."""

Loss = PixelLoss | PaperLoss
Device = Literal["auto", "cpu", "cuda"]
PrecisionChoice = Literal["auto", "bfloat16", "float32"]
Decay = Literal["cosine", "step", "constant"]
