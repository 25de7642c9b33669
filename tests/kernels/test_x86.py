"""Costs of x86 kernels follow the times that were measured."""

from __future__ import annotations

import pytest

from edge_imgq.graph.cost.conv_cost import ConvShape, winograd_slots
from edge_imgq.kernels.profile import TimedProfile
from edge_imgq.kernels.x86 import X86, X86_AMX, X86_VNNI

MINIMAL = {
    (24, 96, 128): 0.83,
    (32, 96, 128): 0.81,
    (64, 96, 128): 0.79,
    (32, 180, 320): 0.98,
    (64, 180, 320): 0.91,
}
"""Channels and size of chains of 3×3 convolutions with ReLU → time of minimal filters over plain
ones, measured with AVX-512 on one thread."""


@pytest.mark.parametrize(("chain", "measured"), MINIMAL.items(), ids=str)
def test_minimal_filters_take_the_share_of_time_that_was_measured(
    chain: tuple[int, int, int], measured: float
) -> None:
    channels, height, width = chain
    layer = ConvShape((3, 3), (1, 1), channels, channels, quantized=False)
    plain = X86_VNNI.float32.slots(9, channels, channels)
    share = winograd_slots(layer, height * width, X86_VNNI) / plain
    assert share == pytest.approx(measured, rel=0.11)


@pytest.mark.parametrize(
    ("faster", "slower"), [(X86_AMX, X86_VNNI), (X86_VNNI, X86)], ids=lambda profile: profile.name
)
def test_more_instructions_make_wide_convolutions_in_int8_faster(
    faster: TimedProfile, slower: TimedProfile
) -> None:
    positions, taps, channels = 100, 9, 64
    fast, slow = (
        profile.times.int8.convolution.time(
            positions, taps, profile.int8.slots(taps, channels, channels)
        )
        for profile in (faster, slower)
    )
    assert fast < 0.7 * slow
    assert faster.times.float32 == slower.times.float32
