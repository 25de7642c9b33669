"""Which calls count, and how slow the processor was beside the others."""

from __future__ import annotations

import pytest

from edge_imgq.devices.cpu_speed import LoopTimes
from edge_imgq.devices.quiet_runs import MIN_CALLS, TimedCalls, select_calls

OWN, SHARED = LoopTimes(1.0, 1.0, 1.0), LoopTimes(1.0, 1.0, 1.6)


def test_how_slow_the_processor_was_is_said_of_the_calls_that_do_not_count() -> None:
    """Most calls are at full speed, and yet they are too few to count alone."""
    quiet = [TimedCalls((0.01,), OWN, OWN)] * (MIN_CALLS - 1)
    found = select_calls([*quiet, *[TimedCalls((0.02,), OWN, SHARED)] * 3], OWN).evenness
    assert (found.full_speed, found.runs, found.enough) == (MIN_CALLS - 1, MIN_CALLS + 2, False)
    assert found.slowness == pytest.approx(1.6)
    assert select_calls(quiet, OWN).evenness.slowness == 1
