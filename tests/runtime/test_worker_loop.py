"""A worker that answers in forks is for each request what it was at its start."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from edge_imgq.errors import DeviceError
from edge_imgq.runtime.worker import Worker

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")

PROGRAM = """
import os
from edge_imgq.runtime.worker_loop import serve_in_forks

asked = []

def answer(message, array):
    asked.append(message["do"])
    if message["do"] == "crash":
        os._exit(3)
    if message["do"] == "fail":
        raise ValueError("No.")
    return {"asked": asked}, array

serve_in_forks(answer)
"""


@pytest.fixture
def worker() -> Iterator[Worker]:
    found = Worker("the worker", [sys.executable, "-c", PROGRAM])
    yield found
    found.close()


def test_an_answer_does_not_depend_on_the_requests_before(worker: Worker) -> None:
    for word in ("one", "two"):
        assert worker.ask({"do": word})[0] == {"asked": [word]}


def test_a_request_that_fails_or_crashes_ends_its_fork_only(worker: Worker) -> None:
    with pytest.raises(DeviceError, match=r"the worker: ValueError: No\."):
        worker.ask({"do": "fail"})
    with pytest.raises(DeviceError, match="the process ended with exit code 3"):
        worker.ask({"do": "crash"})
    assert worker.ask({"do": "after"})[0] == {"asked": ["after"]}


def test_it_ends_when_its_input_closes() -> None:
    command = [sys.executable, "-c", PROGRAM]
    assert subprocess.run(command, input=b"", check=False, timeout=60).returncode == 0
