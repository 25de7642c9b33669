"""The page of photographs before and after: what it shows, and that it asks for nothing."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from edge_imgq.report import before_after
from edge_imgq.report.before_after import before_after_page


def pictures(page: str) -> list[np.ndarray]:
    found = re.findall(r'src="data:image/webp;base64,([^"]+)"', page)
    images = [Image.open(io.BytesIO(base64.b64decode(text))) for text in found]
    return [np.asarray(image) for image in images]


@pytest.mark.parametrize("scale", [1, 2])
def test_it_shows_the_place_that_changed_most(scale: int) -> None:
    before = np.random.default_rng(1).integers(0, 256, (1100, 900, 3), dtype=np.uint8)
    after = before.repeat(scale, 0).repeat(scale, 1)
    after[700 * scale : 710 * scale, 600 * scale : 610 * scale] ^= 255
    page = before_after_page("1 photograph", [("a <b>.png", before, after)])
    side = before_after.SIDE
    one, other = pictures(page)
    assert one.shape == other.shape == (side, side, 3)
    left, top = (int(n) for n in re.search(r"from column (\d+), row (\d+)", page).groups())
    np.testing.assert_array_equal(other, after[top : top + side, left : left + side])
    assert left <= 600 * scale < left + side
    assert top <= 700 * scale < top + side
    if scale == 1:
        np.testing.assert_array_equal(one, before[top : top + side, left : left + side])
    assert ("enlarged by bicubic" in page) == (scale > 1)
    assert "a &lt;b&gt;.png" in page


def test_it_asks_for_nothing_and_works_offline() -> None:
    gray = np.zeros((20, 30, 1), np.uint8)
    page = before_after_page("1 photograph", [("a", gray, gray)])
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page)
    assert not re.search(r"https?:|@import|url\(", page)
    assert "default-src 'none'" in page
    assert 'addEventListener("input"' in page


def test_what_there_is_no_room_for_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(before_after, "MAX_BYTES", 10)
    photo = np.zeros((20, 30, 3), np.uint8)
    page = before_after_page("3 photographs", [(name, photo, photo) for name in "abc"])
    assert len(pictures(page)) == 2
    assert "2 more are left out" in page


@pytest.mark.parametrize(("before", "after"), [(41, 40), (41, 80), (41, 160), (41, 20), (3, 8)])
def test_a_result_of_a_mosaic_lies_beside_the_even_part(before: int, after: int) -> None:
    rng = np.random.default_rng(1)
    photo = rng.integers(0, 256, (before, before + 20, 3), dtype=np.uint8)
    result = np.zeros((after, (before + 20) // 2 * 2 * after // (before // 2 * 2), 3), np.uint8)
    page = before_after_page("1 photograph", [("a", photo, result)])
    one, other = pictures(page)
    assert one.shape == other.shape
    assert ("enlarged by bicubic" in page) == (after > before)
    if after == before - 1:
        np.testing.assert_array_equal(one, photo[:after, : one.shape[1]])
