"""Whether a machine was quiet."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge_imgq.devices.load import QUIET, Moment, conditions, moment, others

SPIN = "import time\nend = time.perf_counter() + 3\nwhile time.perf_counter() < end: pass"


def test_what_others_used_leaves_out_this_process() -> None:
    before = Moment(clock=10.0, busy=100.0, own=5.0)
    assert others(before, Moment(12.0, 103.0, 7.0)) == pytest.approx(0.5)
    assert others(before, Moment(12.0, 101.9, 7.0)) == 0


def test_a_moment_too_short_for_the_system_clock_says_nothing() -> None:
    assert others(Moment(0.0, 1.0, 0.0), Moment(0.05, 1.04, 0.05)) is None
    assert others(Moment(0.0, None, 0.0), Moment(9.0, None, 9.0)) is None


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="Linux alone tells its load")
def test_a_busy_neighbour_is_seen() -> None:
    neighbour = subprocess.Popen([sys.executable, "-c", SPIN])
    try:
        time.sleep(0.3)
        before = moment()
        time.sleep(0.5)
        used = others(before, moment())
    finally:
        neighbour.kill()
        neighbour.wait()
    assert used is not None
    assert used > 0.3


@pytest.mark.parametrize(
    ("used", "p90", "said", "disturbed"),
    [
        (0.02, 10.5, QUIET, False),
        (0.8, 10.5, "not quiet: other programs used 0.8 of", True),
        (0.0, 14.0, "unsteady: p90 is 1.4 times the median", True),
        (None, 10.5, "load not known", False),
    ],
)
def test_conditions_say_what_makes_a_time_doubtful(
    used: float | None, p90: float, said: str, disturbed: bool
) -> None:
    words, doubtful = conditions(used, 10.0, p90)
    assert said in words
    assert doubtful is disturbed
