"""What two precisions of a GPU say together."""

from __future__ import annotations

import pytest

from edge_imgq.runtime.fp16_overflow import Fp16Overflow
from edge_imgq.verify.gpu_drift import GpuDrift


def drift(float16: float, float32: float, *beyond: Fp16Overflow) -> GpuDrift:
    return GpuDrift("a GPU", "an image", (8, 8), float16, float32, beyond)


@pytest.mark.parametrize(
    ("found", "verdict", "in_float32"),
    [
        (drift(70, 140), "right", True),
        (drift(50, 130), "right", False),  # float16 may be looked at: float32 has nothing to show
        (drift(30, 130), "coarse", False),
        (drift(70, 140, Fp16Overflow("a", 1e5)), "coarse", False),
        (drift(70, 20), "wrong", True),  # no rounding explains it
        (drift(20, 20), "wrong", True),
    ],
)
def test_a_precision_is_bisected_that_has_something_to_show(
    found: GpuDrift, verdict: str, in_float32: bool
) -> None:
    assert found.verdict == verdict
    assert found.bisected_in_float32 == in_float32
    assert bool(found.breaches) == (verdict != "right")
    assert found.is_doubtful == (verdict != "right" or found.float16 < 55)
