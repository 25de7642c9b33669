"""Whether a machine was quiet."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge_imgq.devices.load import (
    QUIET,
    Evenness,
    Load,
    Moment,
    conditions,
    load,
    moment,
    temperature,
)
from edge_imgq.skipped import Skipped

SPIN = "import time\nend = time.perf_counter() + 3\nwhile time.perf_counter() < end: pass"


def test_what_others_used_leaves_out_this_process() -> None:
    before = Moment(clock=10.0, busy=100.0, own=5.0, stolen=1.0)
    found = load(before, Moment(12.0, 103.0, 7.0, 1.5))
    assert (found.used, found.stolen) == (pytest.approx(0.5), pytest.approx(0.25))
    assert load(before, Moment(12.0, 101.9, 7.0, 1.0)).used == 0


def test_a_moment_too_short_for_the_system_clock_says_nothing() -> None:
    assert load(Moment(0.0, 1.0, 0.0), Moment(0.05, 1.04, 0.05)).used is None
    assert load(Moment(0.0, None, 0.0), Moment(9.0, None, 9.0)).used is None


@pytest.mark.parametrize("text", ["", "cpu 1 2\n", "intr 7\ncpux 1 2 3 4 5 6 7 8\n"])
def test_a_system_that_counts_otherwise_says_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "stat").write_text(text)
    assert moment(tmp_path / "stat").busy is None


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="Linux alone tells its load")
def test_a_busy_neighbour_is_seen() -> None:
    neighbour = subprocess.Popen([sys.executable, "-c", SPIN])
    try:
        time.sleep(0.3)
        before = moment()
        time.sleep(0.5)
        used = load(before, moment()).used
    finally:
        neighbour.kill()
        neighbour.wait()
    assert used is not None
    assert used > 0.3


@pytest.mark.parametrize(
    ("found", "p90", "noise", "said"),
    [
        (Load(0.02), 10.5, 0.02, QUIET),
        (Load(0.8), 10.5, 0.02, "was not quiet: other programs used 0.8 of"),
        (Load(0.0, stolen=0.3), 10.5, 0.02, "was not quiet: its hypervisor took 0.3 of"),
        (Load(0.0), 14.0, 0.02, "was not quiet: p90 is 1.4 times the median"),
        (Load(0.0), 10.5, 0.2, "was not quiet: the medians of fifths of its runs lie 20%"),
        (Load(0.8, average=3.14), 10.5, 0.0, "load average 3.1"),
        (Load(None), 10.5, 0.02, "load not known"),
    ],
)
def test_conditions_say_what_makes_a_time_doubtful(
    found: Load, p90: float, noise: float, said: str
) -> None:
    words, doubtful = conditions(found, 10.0, p90, noise)
    assert said in words
    assert doubtful is ("not quiet" in words or "average" in said)


@pytest.mark.parametrize(
    ("evenness", "said", "doubtful"),
    [
        (Evenness(95, 100), QUIET, False),
        (Evenness(20, 100), "80 of 100 runs do not count: beside them a fixed loop showed", False),
        (Evenness(3, 100, False, 1.63), "in 97 of 100 runs its processor was slow", True),
        (Evenness(3, 100, False, 1.63), "a fixed loop beside them took 1.63 times as long", True),
        (Evenness(0, 90, False, 1.06), "a fixed loop beside them took 1.06 times as long", True),
    ],
)
def test_conditions_say_what_a_loop_beside_the_runs_showed(
    evenness: Evenness, said: str, doubtful: bool
) -> None:
    words, found = conditions(Load(0.0), 10.0, 10.5, 0.02, evenness)
    assert said in words
    assert found is doubtful


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux alone pins processes")
def test_what_runs_on_processors_that_are_not_ours_is_left_out() -> None:
    """A busy neighbour on this process's only processor is seen, on the other one it is not."""
    ours = os.sched_getaffinity(0)
    if len(ours) < 2:
        pytest.skip("there is one processor")
    first, second = sorted(ours)[:2]
    neighbour = subprocess.Popen(["taskset", "-c", str(second), sys.executable, "-c", SPIN])
    used = {}
    try:
        time.sleep(0.3)
        for pinned in (first, second):
            os.sched_setaffinity(0, {pinned})
            before = moment()
            time.sleep(0.5)
            used[pinned] = load(before, moment()).used or 0.0
    finally:
        os.sched_setaffinity(0, ours)
        neighbour.kill()
        neighbour.wait()
    assert used[second] > 0.3
    assert used[first] < used[second] or used[first] > 0.9  # others may fill it


def test_the_hottest_sensor_is_told_and_none_is_told_as_none(tmp_path: Path) -> None:
    for number, text in enumerate(("41000", "52400", "broken")):
        (tmp_path / f"thermal_zone{number}").mkdir()
        (tmp_path / f"thermal_zone{number}" / "temp").write_text(f"{text}\n")
    assert temperature(tmp_path) == "52 °C"
    assert isinstance(temperature(tmp_path / "thermal_zone0"), Skipped)
