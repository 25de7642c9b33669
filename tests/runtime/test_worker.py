"""Workers: what they answer, and every way in which they can end."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge_imgq.errors import DeviceError
from edge_imgq.runtime.worker import Worker

SCRIPT = """
import os, sys, time
from edge_imgq.runtime.worker_loop import serve
def answer(message, array):
    print("a library talks on standard output")
    os.write(1, b"and so does its C code\\n")
    what = message["do"]
    if what == "raise":
        raise ValueError("the second line\\nis left out")
    if what == "die":
        sys.stderr.write("out of luck\\n"); sys.stderr.flush(); os.kill(os.getpid(), 9)
    if what == "leave":
        os._exit(3)
    if what == "sleep":
        time.sleep(60)
    return {"sum": float(array.sum()), "process": os.getpid()}, array * 2
serve(answer)
"""


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    started = Worker("the helper", [sys.executable, "-c", SCRIPT])
    yield started
    started.close()


def test_arrays_go_there_and_back_whatever_is_printed_meanwhile(worker: Worker) -> None:
    for dtype in (np.uint8, np.float32):
        values = np.arange(2 * 3 * 5, dtype=dtype).reshape(2, 3, 5)
        answer, doubled = worker.ask({"do": "double"}, values)
        assert answer["sum"] == values.sum()
        assert doubled.dtype == dtype
        np.testing.assert_array_equal(doubled, values * 2)


def test_an_exception_is_an_answer_and_the_worker_goes_on(worker: Worker) -> None:
    with pytest.raises(DeviceError, match=r"the helper: ValueError: the second line$"):
        worker.ask({"do": "raise"})
    assert worker.ask({"do": "double"}, np.ones(2))[0]["sum"] == 2


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("die", "the helper was killed by SIGKILL; its last words: out of luck"),
        ("leave", "the helper ended with exit code 3"),
    ],
)
def test_the_end_of_a_worker_is_told_with_its_cause(worker: Worker, what: str, said: str) -> None:
    with pytest.raises(DeviceError, match=said):
        worker.ask({"do": what})
    with pytest.raises(DeviceError, match="the helper"):
        worker.ask({"do": "double"}, np.ones(2))


def test_a_worker_that_hangs_is_stopped(worker: Worker) -> None:
    with pytest.raises(DeviceError, match="took longer than 1 s and was stopped"):
        worker.ask({"do": "sleep"}, patience=1)


def test_closing_ends_the_process(worker: Worker) -> None:
    process = int(worker.ask({"do": "name yourself"}, np.ones(1))[0]["process"])
    os.kill(process, 0)
    worker.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
