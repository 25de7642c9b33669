"""Charts, looked at pixel by pixel."""

from __future__ import annotations

import numpy as np
from PIL import ImageColor

from edge_imgq.report.bar_chart import BARS, COLOURS, ROW, Bar, bar_chart


def length(picture: np.ndarray, colour: str) -> list[int]:
    """Return how many pixels of a colour the rows of each bar have."""
    same = (picture == np.array(ImageColor.getrgb(colour), np.uint8)).all(axis=2)
    rows = same[2 * ROW + 19 :: ROW]
    return [int(row.sum()) for row in rows]


def test_bars_are_as_long_as_their_parts() -> None:
    bars = [Bar("first", (0.2, 0.4)), Bar("second", (0.3, 0.0)), Bar("none", (0.0, 0.0))]
    picture = bar_chart("title", ("weights", "output"), bars)
    assert picture.dtype == np.uint8
    first, second = (length(picture, colour)[:3] for colour in COLOURS[:2])
    np.testing.assert_allclose(first, [BARS / 3, BARS / 2, 0], atol=1)
    np.testing.assert_allclose(second, [BARS * 2 / 3, 0, 0], atol=1)


def test_a_chart_has_a_row_for_each_bar_and_takes_any_label() -> None:
    tall = bar_chart("t", ("a",), [Bar("node." * 60, (0.5,))] * 9)
    short = bar_chart("t", ("a",), [])
    assert tall.shape[0] - short.shape[0] == 9 * ROW
    assert tall.shape[1] == short.shape[1]
