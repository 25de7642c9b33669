"""Times are sums of their shares."""

from __future__ import annotations

from edge_imgq.kernels.times import ConvolutionTime, DepthwiseTime
from edge_imgq.kernels.x86 import X86_VNNI


def test_a_convolution_takes_the_time_of_its_positions_taps_and_slots() -> None:
    time = ConvolutionTime(position=2, tap=3, slot=0.5)
    assert time.time(positions=10, taps=9, slots=16) == 10 * (2 + 3 * 9 + 0.5 * 16)


def test_a_depthwise_convolution_computes_whole_tiles_of_channels() -> None:
    time = DepthwiseTime(element=2, tap=3, channels=16)
    assert time.time(pixels=10, channels=16, taps=9) == 10 * 16 * (2 + 3 * 9)
    assert time.time(10, 36, 9) == time.time(10, 48, 9) == 3 * time.time(10, 16, 9)


def test_each_arithmetic_has_times_of_its_own() -> None:
    times = X86_VNNI.times
    assert times.of(in_float=True) is times.float32
    assert times.of(in_float=False) is times.int8
