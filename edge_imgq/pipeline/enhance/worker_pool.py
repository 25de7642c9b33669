"""Photographs at once, each in a thread of its own: runtimes, decoders and encoders release it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from edge_imgq.pipeline.progress import ProgressStep, Watch

Job = TypeVar("Job")
Tools = TypeVar("Tools")
Result = TypeVar("Result")


class _StoppedError(Exception):
    """Another photograph failed, or the person interrupted: this one is given up between tiles."""


def done_at_once(
    jobs: Sequence[Job],
    tools: Sequence[Tools],
    work: Callable[[Job, Tools, Watch], Result],
    watch: Watch,
) -> list[Result]:
    """Return what becomes of every job, in the order of the jobs.

    Args:
        jobs: to do.
        tools: as many are done at once; each has one of these to itself.
        work: does a job, and calls what it is given between its pieces.
        watch: told of every piece where one job is done at a time, else of every job.

    Raises:
        Exception: what `work` raises, once no job runs any more.
    """
    if len(tools) == 1:
        return [work(job, tools[0], watch) for job in jobs]
    free: queue.SimpleQueue[Tools] = queue.SimpleQueue()
    for one in tools:
        free.put(one)
    stopped = threading.Event()

    def between_pieces(_step: ProgressStep) -> None:
        if stopped.is_set():
            raise _StoppedError

    def run(job: Job) -> Result:
        own = free.get()
        try:
            return work(job, own, between_pieces)
        finally:
            free.put(own)

    with ThreadPoolExecutor(len(tools)) as pool:
        futures = [pool.submit(run, job) for job in jobs]
        try:
            return list(_results(futures, watch))
        except BaseException:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _results(futures: Sequence[Future[Result]], watch: Watch) -> Iterator[Result]:
    for done, future in enumerate(futures):
        watch(ProgressStep("enhance photographs", done, len(futures)))
        yield future.result()
