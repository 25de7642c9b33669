"""Horizontal bar chart as an image."""

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
    """One bar of a stacked bar chart.

    Attributes:
        label: Text to its left.
        segments: Lengths of the segments, from the left; their sum is printed as a percentage.
    """

    label: str
    segments: tuple[float, ...]


def bar_chart(title: str, names: Sequence[str], bars: Sequence[Bar]) -> NDArray[np.uint8]:
    """Draw a stacked horizontal bar chart on white; the longest bar takes the whole width.

    Args:
        title: Text above the chart.
        names: Legend: a name per segment, at most three; further segments are not drawn.
        bars: Bars from top to bottom; lengths are shares, 0 or more, and their sum is printed as a
            percentage: "25.0%" for 0.25.

    Returns:
        uint8 RGB (H, W, 3), of fixed width and a height that depends on the number of bars.
    """
    from PIL import Image, ImageDraw

    size = (LABELS + BARS + FIGURES + 2 * MARGIN, ROW * (len(bars) + 2) + 2 * MARGIN)
    canvas = Image.new("RGB", size, "white")
    pen = _Pen(ImageDraw.Draw(canvas))
    pen.write((MARGIN, MARGIN), title)
    pen.legend(names)
    longest = max((sum(bar.segments) for bar in bars), default=0.0) or 1.0
    for index, bar in enumerate(bars):
        pen.bar(MARGIN + ROW * (index + 2), bar, BARS / longest)
    return np.asarray(canvas)


class _Pen:
    """Draws text, the legend and bars on a canvas."""

    def __init__(self, draw: ImageDraw.ImageDraw) -> None:
        from PIL import ImageFont

        self._draw, self._font = draw, ImageFont.load_default(LETTERS)

    def write(self, corner: tuple[int, int], text: str) -> None:
        self._draw.text(corner, text, fill="black", font=self._font)

    def legend(self, names: Sequence[str]) -> None:
        left, top = MARGIN, MARGIN + ROW
        for name, colour in zip(names, COLOURS, strict=False):
            self._draw.rectangle((left, top + 2, left + 10, top + 12), fill=colour)
            self.write((left + 16, top), name)
            left += 32 + round(self._draw.textlength(name, font=self._font))

    def bar(self, top: int, bar: Bar, unit: float) -> None:
        """Draw a bar with its top at row `top`; a segment of length 1 is `unit` pixels long."""
        self.write((MARGIN, top), self._shortened(bar.label))
        left = float(MARGIN + LABELS)
        for segment, colour in zip(bar.segments, COLOURS, strict=False):
            if segment * unit >= 1:
                end = (left + segment * unit - 1, top + THICKNESS)
                self._draw.rectangle((left, top, *end), fill=colour)
            left += segment * unit
        self.write((round(left) + 6, top), f"{sum(bar.segments):.1%}")

    def _shortened(self, label: str) -> str:
        """Shorten a label from the left until it fits, since layer names differ at the end."""
        text = label
        while self._draw.textlength(text, font=self._font) > LABELS - 8:
            text = "…" + text.lstrip("…")[1:]
        return text
