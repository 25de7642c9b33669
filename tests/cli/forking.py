"""Commands in processes of their own, forked from one that has imported what commands import.

Importing takes longer than all that the tests that use this look at. Run as a program, this module
forks a process for every command that it reads, and says its number and then its exit code.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from edge_imgq.cli import progress
from edge_imgq.cli.main import main
from tests.conftest import patches_of_small_images

PATIENCE = 120.0
"""Seconds that a test waits for a command at most."""

IMPORTED = (
    "torch",
    "onnxruntime",
    "onnxsim",
    "ai_edge_litert.interpreter",
    "ai_edge_litert.schema_py_generated",
    "PIL.PngImagePlugin",
    "edge_imgq.export.tflite.format",
    "edge_imgq.graph.load.dynamic_shape",
    "edge_imgq.graph.prepared",
    "edge_imgq.pipeline.export.export",
    "edge_imgq.quantize.quantize",
)
"""Modules that commands need and that take long to import."""


class Forks:
    """The process that commands are forked from, one at a time."""

    def __init__(self) -> None:
        program = [sys.executable, "-m", "tests.cli.forking"]
        self._process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def start(self, words: Sequence[object], folder: Path, said: Path) -> Command:
        """Run a command in a folder; the file `said` gets its stderr."""
        orders, answers = self._process.stdin, self._process.stdout
        assert orders is not None
        assert answers is not None
        said.touch()
        order = {"words": [str(word) for word in words], "folder": str(folder), "said": str(said)}
        orders.write(json.dumps(order).encode() + b"\n")
        orders.flush()
        return Command(int(answers.readline()), answers, said)

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=PATIENCE)


class Command:
    """A command that runs."""

    def __init__(self, number: int, answers: IO[bytes], said: Path) -> None:
        self._number, self._answers, self._said = number, answers, said

    def wait_for(self, text: str) -> None:
        """Wait until a whole line of stderr holds a text, or the command ends."""
        begun = time.monotonic()
        while text not in self.stderr.rpartition("\n")[0] and not self._has_ended(0.002):
            assert time.monotonic() - begun < PATIENCE, self.stderr

    def send(self, number: signal.Signals = signal.SIGINT) -> None:
        """Send Ctrl-C, or another signal, if the command still runs."""
        if not self._has_ended(0):
            os.kill(self._number, number)

    def ended(self) -> int:
        """Wait for the end, and return the exit code."""
        assert self._has_ended(PATIENCE), self.stderr
        return int(self._answers.readline())

    @property
    def stderr(self) -> str:
        """What the command has said so far."""
        return self._said.read_text()

    def _has_ended(self, seconds: float) -> bool:
        return bool(select.select([self._answers], [], [], seconds)[0])


def _serve() -> None:
    for name in IMPORTED:
        importlib.import_module(name)
    for line in sys.stdin:
        number = os.fork()
        if not number:
            _run(**json.loads(line))
        print(number, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]), flush=True)


def _run(words: list[str], folder: str, said: str) -> Any:
    # A shell starts background jobs with Ctrl-C ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = 1
    progress.SILENCE = -1  # a line for every step: tests wait for some of them
    try:
        os.chdir(folder)
        with Path(said).open("w") as stream, Path(os.devnull).open("w") as nowhere:
            os.dup2(stream.fileno(), sys.stderr.fileno())
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        code = main(words)
    except BaseException:
        traceback.print_exc()
    os._exit(code)


if __name__ == "__main__":
    with patches_of_small_images():
        _serve()
