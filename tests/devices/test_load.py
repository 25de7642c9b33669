"""Whether a machine was quiet."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge_imgq.devices import load as loads
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

TICK = 0.01
"""Seconds of a tick of the system's clock."""


@pytest.fixture(autouse=True)
def ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sysconf", lambda name: round(1 / TICK))


def processors_did(folder: Path, **rows: tuple[int, ...]) -> Path:
    """Write what Linux tells of its processors, in ticks since it started."""
    lines = [f"{name} {' '.join(map(str, row))}" for name, row in rows.items()]
    (folder / "stat").write_text("\n".join([*lines, "intr 7"]))
    return folder / "stat"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stand for the clocks of the wall and of this process."""
    found = SimpleNamespace(wall=100.0, own=3.0)
    monkeypatch.setattr(
        loads,
        "time",
        SimpleNamespace(perf_counter=lambda: found.wall, process_time=lambda: found.own),
    )
    return found


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


def test_a_busy_neighbour_is_seen(
    tmp_path: Path, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1}, raising=False)
    # user, nice, system, idle, waiting, interrupts, soft interrupts, stolen, guest
    idle = processors_did(
        tmp_path, cpu0=(100, 0, 50, 9, 9, 1, 1, 0, 0), cpu1=(80, 5, 9, 9, 9, 0, 0, 0, 0)
    )
    before = moment(idle)
    clock.wall, clock.own = 102.0, 3.5
    busy = processors_did(
        tmp_path, cpu0=(250, 0, 60, 20, 9, 1, 1, 40, 0), cpu1=(90, 5, 9, 900, 900, 0, 0, 0, 0)
    )
    found = load(before, moment(busy))
    # 1.5 + .1 s on the first processor and .1 s on the other, of which this process used .5 s.
    assert found.used == pytest.approx((1.6 + 0.1 - 0.5) / 2)
    assert found.stolen == pytest.approx(0.4 / 2)


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="Linux alone tells its load")
def test_this_system_tells_what_its_processors_did() -> None:
    before, after = moment(), moment()
    assert before.busy is not None
    assert after.busy is not None
    assert after.busy >= before.busy > 0


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


def test_what_runs_on_processors_that_are_not_ours_is_left_out(
    tmp_path: Path, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = {}
    for pinned in (0, 1):
        monkeypatch.setattr(os, "sched_getaffinity", lambda process, p=pinned: {p}, raising=False)
        before = moment(processors_did(tmp_path, cpu0=(0,) * 9, cpu1=(0,) * 9, cpu11=(0,) * 9))
        clock.wall += 1.0
        rows = {"cpu0": (0,) * 9, "cpu1": (90, *(0,) * 8), "cpu11": (500, *(0,) * 8)}
        used[pinned] = load(before, moment(processors_did(tmp_path, **rows))).used
    assert used == {0: 0.0, 1: pytest.approx(0.9)}


def test_the_hottest_sensor_is_told_and_none_is_told_as_none(tmp_path: Path) -> None:
    for number, text in enumerate(("41000", "52400", "broken")):
        (tmp_path / f"thermal_zone{number}").mkdir()
        (tmp_path / f"thermal_zone{number}" / "temp").write_text(f"{text}\n")
    assert temperature(tmp_path) == "52 °C"
    assert isinstance(temperature(tmp_path / "thermal_zone0"), Skipped)
