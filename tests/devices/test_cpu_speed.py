"""The fixed loops, and what they say of a processor."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.devices.cpu_speed import LoopTimes, SpeedProbe, fastest, slower

BEST = LoopTimes(0.0003, 0.001, 0.0005)


@pytest.mark.parametrize(
    ("times", "own"),
    [
        (LoopTimes(0.00031, 0.00105, 0.00055), True),
        (LoopTimes(0.00033, 0.00105, 0.00055), False),  # its clock is lower
        (LoopTimes(0.0003, 0.0016, 0.0005), False),  # another hardware thread has work
        (LoopTimes(0.0003, 0.001, 0.001), False),  # others use the cache
    ],
)
def test_a_slow_loop_shows_that_the_processor_is_slowed(times: LoopTimes, own: bool) -> None:
    assert times.is_full_speed(BEST) is own


def test_a_single_fluke_of_the_clock_is_not_the_fastest_time() -> None:
    rng = np.random.default_rng(1)
    measured = [LoopTimes(*map(float, times)) for times in rng.uniform(1, 1.02, (200, 3))]
    found = fastest([LoopTimes(0.1, 0.1, 0.1), *measured])
    for loop in (found.clock, found.compute, found.memory):
        assert loop == pytest.approx(1, abs=0.01)
    few = fastest([LoopTimes(1.0, 2.0, 3.0), LoopTimes(2.0, 1.0, 4.0)])
    assert (few.clock, few.compute, few.memory) == pytest.approx((1, 1, 3), abs=0.05)


def test_the_slower_of_two_is_taken_for_each_loop_by_itself() -> None:
    assert slower(LoopTimes(1.0, 4.0, 5.0), LoopTimes(2.0, 3.0, 6.0)) == LoopTimes(2.0, 4.0, 6.0)


@pytest.mark.parametrize("times", [LoopTimes(*t) for t in [(1.6, 1, 1), (1, 1.6, 1), (1, 1, 1.6)]])
def test_how_slow_a_processor_is_says_the_loop_that_fell_behind_the_most(times: LoopTimes) -> None:
    assert times.slowdown(LoopTimes(1.0, 1.0, 1.0)) == pytest.approx(1.6)


def test_the_loops_take_about_a_millisecond_and_nearly_the_same_each_time() -> None:
    """The fastest of many; what else runs here makes others as slow as it likes."""
    probe = SpeedProbe()
    first, second = (fastest([probe.measure() for _ in range(60)]) for _ in range(2))
    assert 1e-5 < first.clock < 2e-2
    assert 5e-5 < first.compute < 2e-2
    assert 1e-5 < first.memory < 2e-2
    assert first.clock == pytest.approx(second.clock, rel=0.5)
