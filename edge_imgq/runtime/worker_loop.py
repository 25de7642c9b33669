"""Request loop of a worker process."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from edge_imgq.runtime.worker_messages import read_frame, write_frame

Answer = Callable[[dict[str, Any], Any], tuple[dict[str, Any], Any]]
"""Function from a request and its array to an answer and its array."""

CLOSED = 111
"""Exit code of a fork that found the input closed."""


def serve(answer: Answer) -> None:
    """Answer requests from standard input on standard output until the input closes.

    Requests and answers are frames of `worker_messages`. File descriptor 1 is redirected to
    standard error, so that output of libraries cannot corrupt an answer. An exception of `answer`
    becomes an answer with the key "error": the class and the first line of its message.
    """
    answers = _answers()
    while _answer_one(answer, answers):
        pass


def serve_in_forks(answer: Answer) -> None:
    """Answer requests as `serve` does, each in a fork of this process.

    The process itself stays as it is, so an answer does not depend on the requests before it. If a
    fork crashes, the answer has the key "error", and the next request gets another fork.
    """
    answers = _answers()
    while True:
        select.select([sys.stdin.buffer.fileno()], [], [])
        child = os.fork()
        if not child:
            os._exit(0 if _answer_one(answer, answers) else CLOSED)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code == CLOSED:
            return
        if code:
            write_frame(answers, {"error": f"the process ended with exit code {code}"}, None)


def _answers() -> BinaryIO:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _answer_one(answer: Answer, answers: BinaryIO) -> bool:
    """Answer one request; return False if the input is closed."""
    try:
        message, array = read_frame(sys.stdin.buffer)
    except EOFError:
        return False
    try:
        reply, result = answer(message, array)
    except Exception as error:  # whatever a runtime raises belongs to the one who asked
        reason = str(error).strip().split("\n")[0]
        reply, result = {"error": f"{type(error).__name__}: {reason}"}, None
    write_frame(answers, reply, result)
    return True
