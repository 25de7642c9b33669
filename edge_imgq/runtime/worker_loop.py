"""Request loop of a worker process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from edge_imgq.runtime.worker_messages import read_frame, write_frame

Answer = Callable[[dict[str, Any], Any], tuple[dict[str, Any], Any]]
"""Function from a request and its array to an answer and its array."""


def serve(answer: Answer) -> None:
    """Answer requests from standard input on standard output until the input closes.

    Requests and answers are frames of `worker_messages`. File descriptor 1 is redirected to
    standard error, so that output of libraries cannot corrupt an answer. An exception of `answer`
    becomes an answer with the key "error": the class and the first line of its message.
    """
    questions = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        try:
            message, array = read_frame(questions)
        except EOFError:
            return
        try:
            reply, result = answer(message, array)
        except Exception as error:  # whatever a runtime raises belongs to the one who asked
            reason = str(error).strip().split("\n")[0]
            reply, result = {"error": f"{type(error).__name__}: {reason}"}, None
        write_frame(answers, reply, result)
