"""Several photographs at once: results in order, one set of tools each, and an end to all."""

from __future__ import annotations

import threading

import pytest

from edge_imgq.pipeline.enhance.worker_pool import done_at_once
from edge_imgq.pipeline.progress import ProgressStep, Watch

STEP = ProgressStep("tile", 0, 1)


def test_results_stand_in_the_order_of_the_jobs_and_no_tool_serves_two_at_once() -> None:
    busy = {"a": threading.Lock(), "b": threading.Lock()}
    both = threading.Barrier(2)

    def work(job: int, tool: str, _watch: Watch) -> int:
        assert busy[tool].acquire(blocking=False)
        if job < 2:
            both.wait(60)  # two jobs run at once
        busy[tool].release()
        return job * job

    seen: list[ProgressStep] = []
    assert done_at_once(range(6), ["a", "b"], work, seen.append) == [0, 1, 4, 9, 16, 25]
    assert [(step.done, step.total) for step in seen] == [(done, 6) for done in range(6)]


def test_a_job_that_fails_stops_the_others_at_their_next_tile() -> None:
    begun, ended = threading.Event(), list[bool]()

    def work(job: int, _tool: str, watch: Watch) -> None:
        if job == 0:
            begun.wait(60)
            raise OSError("no space")
        begun.set()
        for _ in range(5_000_000):
            watch(STEP)
        ended.append(True)

    with pytest.raises(OSError, match="no space"):
        done_at_once([0, 1], ["a", "b"], work, lambda _: None)
    assert not ended


def test_one_set_of_tools_runs_the_jobs_here_and_tells_each_step() -> None:
    seen: list[ProgressStep] = []

    def work(job: str, tool: str, watch: Watch) -> tuple[str, int]:
        watch(STEP)
        return job + tool, threading.get_ident()

    results = done_at_once(["x", "y"], ["t"], work, seen.append)
    assert results == [("xt", threading.get_ident()), ("yt", threading.get_ident())]
    assert seen == [STEP, STEP]
