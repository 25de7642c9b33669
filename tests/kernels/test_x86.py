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


CONVOLUTIONS = {16: 3.89, 32: 5.80, 64: 9.87}
"""Channels → ns per element that a 3×3 convolution in float writes; measured as DEPTHWISE is."""

OTHERS = {"Sigmoid": 0.29, "Tanh": 0.22}
"""Operators of one element → ns in float, measured likewise."""

POOLING = (0.61, 0.26)
"""ns per element of a 3×3 maximum, in float and in int8, measured likewise."""


def test_convolutions_and_what_is_between_them_take_about_the_time_that_was_measured() -> None:
    """Within a half: the numbers are a fit of whole networks, in which memory is busier."""
    times = X86_VNNI.times.float32
    for channels, measured in CONVOLUTIONS.items():
        slots = X86_VNNI.float32.slots(9, channels, channels)
        estimated = times.convolution.time(1 / channels, 9, slots)
        assert estimated == pytest.approx(measured, rel=0.5), channels
    for kind, measured in OTHERS.items():
        assert times.elements[kind] == pytest.approx(measured, rel=0.5), kind
    for arithmetic, measured in zip((times, X86_VNNI.times.int8), POOLING, strict=True):
        element, tap = arithmetic.pooling
        assert element + 9 * tap == pytest.approx(measured, rel=0.5)


DEPTHWISE = {
    (3, 16): (0.52, 0.90),
    (3, 24): (0.64, 1.08),
    (3, 32): (0.43, 0.78),
    (3, 36): (0.62, 1.09),
    (3, 48): (0.44, 0.77),
    (3, 64): (0.47, 0.79),
    (5, 16): (1.92, 2.07),
    (5, 24): (2.27, 2.73),
    (5, 32): (1.28, 2.06),
    (5, 36): (2.05, 2.61),
    (5, 48): (1.18, 2.03),
    (5, 64): (1.20, 1.96),
}
"""Kernel and channels → ns per element written in float and in int8: LiteRT 2.3.0, one thread of a
Xeon with VNNI, chains of six less chains of one at 96×128, tenth percentile of 40 runs."""


@pytest.mark.parametrize("in_float", [True, False], ids=["float", "int8"])
def test_depthwise_kernels_take_the_times_that_were_measured(*, in_float: bool) -> None:
    times = X86_VNNI.times.of(in_float=in_float).depthwise
    for (kernel, channels), both in DEPTHWISE.items():
        estimated = times.time(1 / channels, channels, kernel**2)
        within = 0.28 if in_float else 0.12
        assert estimated == pytest.approx(both[not in_float], rel=within), (kernel, channels)


def test_depthwise_kernels_are_no_faster_in_int8_than_in_float() -> None:
    """As measured; what makes an int8 file of a network with large ones as slow as a float file."""
    for kernel, channels in DEPTHWISE:
        in_float, in_int8 = (
            X86_VNNI.times.of(in_float=arithmetic).depthwise.time(1, channels, kernel**2)
            for arithmetic in (True, False)
        )
        assert in_float < in_int8
