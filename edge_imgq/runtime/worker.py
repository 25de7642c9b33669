"""Worker process that runs a file: in another environment, under emulation, or isolated."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

from edge_imgq.errors import DeviceError
from edge_imgq.runtime.worker_messages import read_frame, write_frame

PATIENCE = 600.0
"""Timeout of one answer in seconds."""


class Worker:
    """One worker process, with requests and answers over its standard input and output."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        """Start the process.

        Args:
            name: display name for errors, e.g. "the Hexagon emulator".
            command: program and arguments.
            environment: additional environment variables.
        """
        self._name = name
        self._complaints: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            env={**os.environ, **(environment or {})},
        )

    def ask(
        self, message: dict[str, Any], array: Any = None, patience: float = PATIENCE
    ) -> tuple[dict[str, Any], Any]:
        """Send a request and wait for the answer; return it with its array, or None if it has none.

        Args:
            message: the request, JSON values.
            array: NumPy array to send, or None.
            patience: timeout in seconds, after which the process is killed.

        Raises:
            DeviceError: the process ended, timed out, or answered with an error.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        timer = threading.Timer(patience, self._process.kill)
        timer.start()
        try:
            write_frame(self._process.stdin, message, array)
            answer, result = read_frame(self._process.stdout)
        except (EOFError, OSError) as error:
            raise DeviceError(self._end(patience if not timer.is_alive() else None)) from error
        finally:
            timer.cancel()
        if "error" in answer:
            raise DeviceError(f"{self._name}: {answer['error']}")
        return answer, result

    def log(self) -> str:
        """Return what the process wrote to standard error so far; "�" stands for invalid UTF-8."""
        self._complaints.seek(0)
        return self._complaints.read().decode(errors="replace")

    def close(self) -> None:
        """Close the pipes and end the process, by force after five seconds.

        Afterwards `ask` and `log` fail with ValueError.
        """
        with suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._complaints.close()

    def _end(self, patience: float | None) -> str:
        """Describe how the process ended."""
        code = self._process.wait()
        if patience is not None:
            return f"{self._name} took longer than {patience:.0f} s and was stopped"
        how = f"ended with exit code {code}"
        if code < 0:
            how = f"was killed by {signal.Signals(-code).name}"
        said = self._last_words()
        return f"{self._name} {how}" + (f"; its last words: {said}" if said else "")

    def _last_words(self) -> str:
        lines = self.log().strip().splitlines()
        return lines[-1][:300] if lines else ""
