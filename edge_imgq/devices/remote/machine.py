"""A remote machine that accepts commands and files, over adb or ssh.

Every command ends by printing its exit code after a mark. This distinguishes the end of a command
from the end of the connection, whatever the exit code of the client.
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
"""Time limit of one command, in s."""

DISK_FULL = ("No space left on device", "ENOSPC", "Disk quota exceeded")
KILLED = 128
"""Offset that a shell adds to the number of the signal that ended a command."""


@dataclass(frozen=True)
class Done:
    """Result of a command on another machine.

    Attributes:
        code: exit code.
        output: standard output and error together.
    """

    code: int
    output: str


@dataclass(frozen=True)
class State:
    """Condition of a machine.

    Attributes:
        description: words on battery, temperature or load, for the report.
        thermal: the thermal part of it.
        disturbed: whether it makes times doubtful.
    """

    description: str
    thermal: str | Skipped
    disturbed: bool


class Remote(Protocol):
    """A machine that accepts commands and files."""

    @property
    def name(self) -> str:
        """Name on the command line, e.g. "android:R3CX"."""
        ...

    @property
    def folder(self) -> str:
        """A folder on the machine in which programs can be written and started."""
        ...

    def client(self, command: str) -> list[str]:
        """Return the local command line that runs a shell command there; nothing is run."""
        ...

    def push(self, source: Path, destination: str) -> None:
        """Copy a local file to a path on the machine, replacing a file there.

        Raises:
            DeviceError: the connection was lost, or storage is full.
        """
        ...

    def pull(self, source: str, destination: Path) -> None:
        """Copy a file from a path on the machine to a local one, replacing a file there.

        Raises:
            DeviceError: the connection was lost, or the file does not exist.
        """
        ...


def run_there(remote: Remote, words: Sequence[str] | str, patience: float = PATIENCE) -> Done:
    """Run a command on the machine and wait for it.

    Args:
        remote: the machine.
        words: program and arguments, or a shell line.
        patience: time limit in s.

    Returns:
        Exit code, and standard output and error together.

    Raises:
        DeviceError: the connection was lost before the command ended, or it timed out.
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
    """Run a command that must succeed, and return its standard output and error together.

    Args:
        remote: the machine.
        words: program and arguments, or a shell line.
        what: name of the command for messages, e.g. "benchmark_model".

    Raises:
        DeviceError: it failed, was killed, the connection was lost, or storage is full.
    """
    done = run_there(remote, words)
    if done.code == 0:
        return done.output
    refuse_full(remote.name, done.output)
    if done.code > KILLED:
        raise DeviceError(
            f"{what} was killed on {remote.name} by signal {done.code - KILLED}"
            f"{' (out of memory?)' if done.code == KILLED + 9 else ''}."
        )
    raise DeviceError(
        f"{what} failed on {remote.name} with exit code {done.code}: {last_line(done.output)}"
    )


def copy(remote: Remote, command: Sequence[str], what: str, **streams: object) -> None:
    """Run a client program that copies a file.

    Args:
        remote: machine to copy to or from.
        command: command line of the client.
        what: name of the file, for the error.
        streams: stdin or stdout of the client, as for `subprocess.run`.

    Raises:
        DeviceError: the connection was lost, storage is full, or the file does not exist.
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


def refuse_full(name: str, output: str) -> None:
    """Raise an error if the output of a failed command reports full storage.

    Args:
        name: name of the machine, for the message.
        output: output of the command.

    Raises:
        DeviceError: a line contains one of DISK_FULL.
    """
    for line in output.splitlines():
        if any(words in line for words in DISK_FULL):
            raise DeviceError(f"{name} has no space left: {line.strip()}. Free some space there.")


def gone(name: str, complaint: str) -> DeviceError:
    """Return, without raising it, the error for a lost connection to the machine `name`.

    `complaint` is what the client printed; its last line is in the message.
    """
    return DeviceError(f"{name} went away, or cannot be reached: {last_line(complaint)}")


def last_line(text: str) -> str:
    """Return the last nonempty line, at most 300 characters of it, or words that there is none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"
