"""Where a long command is: a bar on a terminal, a line for each stage elsewhere."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
from rich.console import Console
from rich.progress import Progress

from edge_imgq.cli.progress import PATIENCE, ProgressDisplay
from edge_imgq.pipeline.progress import ProgressStep

LONG_WORK = """
import contextlib, io, threading
from edge_imgq.cli.progress import ProgressDisplay
from edge_imgq.pipeline.progress import ProgressStep

over = threading.Event()

timers = []

class Timer(threading.Timer):
    def run(self):
        timers.append(self)
        over.wait()
        self.function()

threading.Timer = Timer
with ProgressDisplay() as watch:
    watch(ProgressStep("convert", 0, 2))
    with contextlib.redirect_stdout(io.StringIO()):
        print("the words of a library")
        over.set()
        timers[0].join()
    watch(ProgressStep("measure", 1, 2))
print("the table")
"""


def test_what_is_printed_after_a_bar_arrives_although_it_appeared_amid_a_library() -> None:
    reading, terminal = pty.openpty()
    variables = {name: value for name, value in os.environ.items() if name != "CI"}
    done = subprocess.run(
        [sys.executable, "-c", LONG_WORK],
        stdout=subprocess.PIPE, stderr=terminal, check=True, env=variables,
    )  # fmt: skip
    os.close(terminal)
    shown = os.read(reading, 65536).decode()
    os.close(reading)
    assert done.stdout.decode() == "the table\n"
    assert "convert" in shown


class Clock:
    """Seconds that the test tells."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


WORK = (
    (0.0, ProgressStep("open the model", 0, 1)),
    (0.5, ProgressStep("verify on cat", 0, 3)),
    (10.5, ProgressStep("verify on dog", 1, 3)),
    (20.5, ProgressStep("verify on owl", 2, 3)),
)


def work(clock: Clock, steps: tuple[tuple[float, ProgressStep], ...], end: float) -> None:
    with ProgressDisplay(clock) as watch:
        for moment, step in steps:
            clock.now = moment
            watch(step)
        clock.now = end


def test_without_a_terminal_each_stage_is_one_line_with_its_duration(
    capsys: pytest.CaptureFixture[str],
) -> None:
    work(Clock(), WORK, 31.0)
    assert capsys.readouterr().err.splitlines() == ["open the model: 0.5 s", "verify: 30 s"]


def test_in_ci_a_terminal_gets_the_same_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "1")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    work(Clock(), WORK, 31.0)
    assert capsys.readouterr().err.splitlines() == ["open the model: 0.5 s", "verify: 30 s"]


def test_a_stage_that_takes_minutes_says_once_a_minute_where_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    steps = tuple((25.0 * done, ProgressStep("train x2", done, 7)) for done in range(7))
    work(Clock(), steps, 175.0)
    assert capsys.readouterr().err.splitlines() == [
        "train x2, 4 of 7, about 1 min 40 s left",
        "train x2, 7 of 7, about 25 s left",
        "train x2: 2 min 55 s",
    ]


def test_a_stage_that_an_error_ends_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()

    def failing() -> None:
        with ProgressDisplay(clock) as watch:
            watch(ProgressStep("write tflite-int8", 0, 1))
            clock.now = 2.0
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        failing()
    assert capsys.readouterr().err == "write tflite-int8: stopped after 2.0 s\n"


def test_where_nothing_was_done_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    work(Clock(), (), 5.0)
    assert capsys.readouterr().err == ""


def test_what_takes_longer_than_the_patience_is_named_while_it_lasts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The timer is one that the test ends: nothing here waits."""
    waiting: list[Callable[[], None]] = []

    class Timer:
        def __init__(self, seconds: float, act: Callable[[], None]) -> None:
            assert seconds == PATIENCE
            self.act = act

        def start(self) -> None:
            waiting.append(self.act)

        def cancel(self) -> None:
            waiting.clear()

        def join(self) -> None:
            pass

    monkeypatch.setattr(threading, "Timer", Timer)
    clock = Clock()
    with ProgressDisplay(clock) as watch:
        waiting[0]()
        clock.now = 3.0
        watch(ProgressStep("open the model", 0, 1))
        watch(ProgressStep("quantize", 0, 1))
        waiting[0]()
        clock.now = 9.0
    assert capsys.readouterr().err.splitlines() == [
        "starting ...",
        "open the model: 0.0 s",
        "quantize ...",
        "quantize: 6.0 s",
    ]
    assert not waiting


def test_a_step_is_printed_as_a_line() -> None:
    assert str(ProgressStep("verify tflite-int8", 1, 5)) == "verify tflite-int8, 2 of 5"
    assert str(ProgressStep("open fsrcnn-x2", 0, 1)) == "open fsrcnn-x2"


def test_at_80_columns_the_count_and_the_times_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.delenv("CI", raising=False)
    with ProgressDisplay(clock := Clock()) as watch:
        bar = watch._bar
        assert bar is not None
        assert "?" not in shown(bar)
        for done, clock.now in ((0, 0.0), (12_000, 60.0)):
            watch(ProgressStep("train fsrcnn-x2", done, 250_000), ", loss 0.01234, 0.52 Mpixel/s")
        (line,) = shown(bar).splitlines()
    assert len(line) <= 80
    assert line.startswith("train fsrcnn-x2")
    assert " 12000/250000 0:0" in line
    assert line.rstrip().endswith("left")


def shown(bar: Progress) -> str:
    console = Console(file=io.StringIO(), width=80)
    with console.capture() as captured:
        console.print(bar.get_renderable())
    return captured.get()
