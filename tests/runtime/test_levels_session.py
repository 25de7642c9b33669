"""What a session of levels has without a word: pixels, sizes, and a call to time."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.errors import NonFiniteOutputError
from edge_imgq.images.layout import levels_from_nchw, to_nchw
from edge_imgq.runtime.levels_session import LevelsSession


class Doubled(LevelsSession):
    """Doubles every level, and counts its calls."""

    note = FileNote("doubled", "any", ImageContract("photo-enhancement", 1, "rgb"), "0")
    size = (4, 6)
    factor, calls = 2.0, 0

    def levels(self, pixels: NDArray[np.uint8 | np.float64]) -> NDArray[np.float64]:
        self.calls += 1
        return levels_from_nchw(to_nchw(pixels, 1.0) * np.float32(self.factor), 1.0)


def test_levels_are_pixels_rounded_and_clipped() -> None:
    image = np.array([[[10, 100, 200]]], np.uint8)
    assert Doubled().run(image).tolist() == [[[20, 200, 255]]]
    assert (Doubled().sizes, Doubled().resizable) == (((4, 6),), False)


def test_a_prepared_call_runs_the_file_once() -> None:
    session = Doubled()
    call = session.prepare((4, 6))
    before = session.calls
    call()
    assert session.calls == before + 1


def test_what_is_no_number_fails() -> None:
    session = Doubled()
    session.factor = np.nan
    with pytest.raises(NonFiniteOutputError):
        session.run(np.zeros((4, 6, 3), np.uint8))
