"""Ranges of states hold the range that is said, and 0, which a state begins with, is a level."""

from __future__ import annotations

from pathlib import Path

import pytest

import edge_imgq
from tests.several_networks import recurrent


@pytest.mark.parametrize(
    ("low", "high"), [(-1, 1), (-3, 1), (-1, 0.001), (-0.001, 1), (-1, 0), (0, 2)]
)
def test_a_range_that_is_said_fits_and_has_a_level_for_zero(
    tmp_path: Path, low: float, high: float
) -> None:
    path = recurrent(tmp_path / "m.onnx")
    (state,) = edge_imgq.open(path, inputs=[f"h_in=state:{low}..{high}"]).contract.further
    ((least,), (most,)) = state.low, state.high
    step, rounded = (most - least) / 255, 1e-5 * (most - least)
    assert least <= low + rounded
    assert most >= high - rounded
    assert (most - least) < 2.1 * (high - low)
    assert -least / step == pytest.approx(round(-least / step), abs=1e-9)
