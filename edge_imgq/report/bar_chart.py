"""Bars as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import ImageDraw

ROW, THICKNESS = 22, 14
LABELS, BARS, FIGURES, MARGIN = 260, 420, 70, 12
LETTERS = 13
COLOURS = ("#2b6ca3", "#d98032", "#8a8a8a")


@dataclass(frozen=True)
class Bar:
    """One row of a chart.

    Attributes:
        label: stands in front of it.
        parts: lengths that follow each other, 0 … 1 together.
    """

    label: str
    parts: tuple[float, ...]


def bar_chart(title: str, names: Sequence[str], bars: Sequence[Bar]) -> NDArray[np.uint8]:
    """Draw bars from the left, the longest over the whole width; RGB (H, W, 3) on white.

    Args:
        title: stands above.
        names: what the parts of every bar are.
        bars: from the top down.
    """
    from PIL import Image, ImageDraw

    size = (LABELS + BARS + FIGURES + 2 * MARGIN, ROW * (len(bars) + 2) + 2 * MARGIN)
    canvas = Image.new("RGB", size, "white")
    pen = _Pen(ImageDraw.Draw(canvas))
    pen.write((MARGIN, MARGIN), title)
    pen.legend(names)
    longest = max((sum(bar.parts) for bar in bars), default=0.0) or 1.0
    for index, bar in enumerate(bars):
        pen.bar(MARGIN + ROW * (index + 2), bar, BARS / longest)
    return np.asarray(canvas)


class _Pen:
    """Draws the parts of a chart."""

    def __init__(self, draw: ImageDraw.ImageDraw) -> None:
        from PIL import ImageFont

        self._draw, self._font = draw, ImageFont.load_default(LETTERS)

    def write(self, place: tuple[int, int], text: str) -> None:
        self._draw.text(place, text, fill="black", font=self._font)

    def legend(self, names: Sequence[str]) -> None:
        left, top = MARGIN, MARGIN + ROW
        for name, colour in zip(names, COLOURS, strict=False):
            self._draw.rectangle((left, top + 2, left + 10, top + 12), fill=colour)
            self.write((left + 16, top), name)
            left += 32 + round(self._draw.textlength(name, font=self._font))

    def bar(self, top: int, bar: Bar, unit: float) -> None:
        """Draw a row; `unit` is the pixels of a part of length 1."""
        self.write((MARGIN, top), self._shortened(bar.label))
        left = float(MARGIN + LABELS)
        for part, colour in zip(bar.parts, COLOURS, strict=False):
            if part * unit >= 1:
                end = (left + part * unit - 1, top + THICKNESS)
                self._draw.rectangle((left, top, *end), fill=colour)
            left += part * unit
        self.write((round(left) + 6, top), f"{sum(bar.parts):.1%}")

    def _shortened(self, label: str) -> str:
        """Leave out the beginning of a label that is too long; names differ in their ends."""
        text = label
        while self._draw.textlength(text, font=self._font) > LABELS - 8:
            text = "…" + text.lstrip("…")[1:]
        return text
