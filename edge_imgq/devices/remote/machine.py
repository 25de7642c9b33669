"""Another machine that takes commands and files: over adb or over ssh.

Every command ends by printing its own exit code after a mark. So the end of a command is told apart
from the end of the connection, whatever the client's exit code says.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge_imgq.errors import DeviceError
from edge_imgq.skipped import Skipped

MARK = "edge-imgq-exit:"
PATIENCE = 600.0
"""Seconds that one command may take."""

NO_ROOM = ("No space left on device", "ENOSPC", "Disk quota exceeded")
KILLED = 128
"""What a shell adds to the number of the signal that ended a command."""


@dataclass(frozen=True)
class Done:
    """What a command did: its exit code, and all that it printed."""

    code: int
    said: str


@dataclass(frozen=True)
class State:
    """How a machine is.

    Attributes:
        said: all that is known of it, in words.
        thermal: the part of that about heat.
        disturbed: whether it makes times doubtful.
    """

    said: str
    thermal: str | Skipped
    disturbed: bool


class Remote(Protocol):
    """A machine that takes commands and files."""

    @property
    def name(self) -> str:
        """What a person calls it, e.g. "android:R3CX"."""
        ...

    @property
    def folder(self) -> str:
        """A folder there that programs can be written to and started from."""
        ...

    def client(self, command: str) -> list[str]:
        """Return the words that run a shell command there."""
        ...

    def push(self, source: Path, destination: str) -> None:
        """Copy a file there.

        Raises:
            DeviceError: it went away, or has no room.
        """
        ...

    def pull(self, source: str, destination: Path) -> None:
        """Copy a file from there.

        Raises:
            DeviceError: it went away, or there is no such file.
        """
        ...


def run_there(remote: Remote, words: Sequence[str] | str, patience: float = PATIENCE) -> Done:
    """Run a command there and wait for it.

    Args:
        remote: where.
        words: program and arguments, or a line of shell.
        patience: seconds that it may take.

    Raises:
        DeviceError: the machine went away before the command ended, or it took too long.
    """
    line = words if isinstance(words, str) else shlex.join(words)
    command = remote.client(f"( {line} ) 2>&1; echo {MARK}$?")
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            check=False,
            timeout=patience,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise DeviceError(f"{remote.name} did not answer for {patience:.0f} s.") from error
    said = done.stdout.decode(errors="replace").replace("\r\n", "\n")
    ends = list(re.finditer(rf"{MARK}(\d+)", said))
    if not ends:
        complaint = done.stderr.decode(errors="replace").strip() or said.strip()
        raise gone(remote.name, complaint)
    return Done(int(ends[-1][1]), said[: ends[-1].start()])


def must_run_there(remote: Remote, words: Sequence[str] | str, what: str) -> str:
    """Run a command there that must succeed, and return what it printed.

    Args:
        remote: where.
        words: program and arguments, or a line of shell.
        what: it is, for the error, e.g. "benchmark_model".

    Raises:
        DeviceError: it failed, was killed, or the machine went away or is full.
    """
    done = run_there(remote, words)
    if done.code == 0:
        return done.said
    refuse_full(remote.name, done.said)
    if done.code > KILLED:
        raise DeviceError(
            f"{what} was killed on {remote.name} by signal {done.code - KILLED}"
            f"{' (out of memory?)' if done.code == KILLED + 9 else ''}."
        )
    raise DeviceError(
        f"{what} failed on {remote.name} with exit code {done.code}: {last_line(done.said)}"
    )


def copy(remote: Remote, command: Sequence[str], what: str, **streams: object) -> None:
    """Run a client that copies a file.

    Args:
        remote: where to or from.
        command: the client's words.
        what: is copied, for the error.
        streams: stdin or stdout of the client.

    Raises:
        DeviceError: the machine went away or is full, or the file is not there.
    """
    options = {"stdout": subprocess.PIPE, "stdin": subprocess.DEVNULL, **streams}
    done = subprocess.run(
        command,
        stderr=subprocess.PIPE,
        check=False,
        timeout=PATIENCE,
        **options,  # type: ignore[call-overload]
    )
    if done.returncode == 0:
        return
    said = (done.stderr + (done.stdout or b"")).decode(errors="replace").strip()
    refuse_full(remote.name, said)
    raise gone(remote.name, f"{what}: {last_line(said)}")


def refuse_full(name: str, said: str) -> None:
    """Raise the error of a full machine if that is what was said."""
    for line in said.splitlines():
        if any(words in line for words in NO_ROOM):
            raise DeviceError(f"{name} has no room left: {line.strip()}. Free some space there.")


def gone(name: str, complaint: str) -> DeviceError:
    """Return the error of a machine that cannot be reached any more."""
    return DeviceError(f"{name} went away, or cannot be reached: {last_line(complaint)}")


def last_line(text: str) -> str:
    """Return the last line that says something, at most 300 characters of it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"
