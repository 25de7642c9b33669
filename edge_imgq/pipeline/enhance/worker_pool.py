"""Process several photographs at once in threads; runtimes and codecs release Python's lock."""

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
    """Another photograph failed or the user interrupted; this one stops between tiles."""


def done_at_once(
    jobs: Sequence[Job],
    tools: Sequence[Tools],
    work: Callable[[Job, Tools, Watch], Result],
    watch: Watch,
) -> list[Result]:
    """Run jobs in threads, one per set of tools; return their results in the order of the jobs.

    Args:
        jobs: jobs, in the order in which they begin.
        tools: one set of tools per concurrent job, at least one, used by one job at a time.
        work: function that runs a job and calls its third argument between steps.
        watch: called before each step of a job if there is one set of tools, else before each job.

    Raises:
        Exception: that of the first job, in their order, that fails; the others stop at their next
            step.
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
