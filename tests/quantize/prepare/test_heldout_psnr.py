"""dB between a graph and the float model on held-out patches, against the formula."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.quantize.prepare.heldout_psnr import SAME, HeldOutPsnr
from tests.graph.build import parsed

PATCHES = np.random.default_rng(4).random((5, 3, 8, 10), dtype=np.float32)
PEAK = 2.0


def shifted(by: float):
    return parsed("out = Add(image, s)", {"s": np.float32(by)}, "h,w", 3)


@pytest.mark.parametrize("by", [0.5, 0.01])
def test_a_constant_error_is_its_square_against_the_peak(by: float) -> None:
    judge = HeldOutPsnr(shifted(0), PATCHES, PEAK)
    assert judge.psnr(shifted(by)) == pytest.approx(20 * np.log10(PEAK / by), abs=1e-3)


def test_equal_graphs_are_as_near_as_is_counted() -> None:
    assert HeldOutPsnr(shifted(1), PATCHES, PEAK).psnr(shifted(1)) == pytest.approx(SAME)
