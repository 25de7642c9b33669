"""A Linux board over ssh: a Raspberry Pi, a Jetson."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from edge_imgq.devices.options import DeviceOptions
from edge_imgq.devices.protocol import Device, Presence
from edge_imgq.devices.remote.device import RemoteDevice, benchmark_model_advice
from edge_imgq.devices.remote.machine import State, copy, run_there
from edge_imgq.errors import DeviceError
from edge_imgq.skipped import Skipped

CLIENT = "ssh"
OPTIONS = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=10")
"""Options that disable password prompts and detect a lost connection."""

HOT = 80.0
"""Temperature in °C of the hottest zone above which a time is disturbed: boards throttle there."""

STATE = "cat /sys/class/thermal/thermal_zone*/temp 2>/dev/null; echo load $(cat /proc/loadavg)"
MACHINE = (
    "(tr -d '\\0' < /proc/device-tree/model || grep -m1 'model name' /proc/cpuinfo | cut -d: -f2)"
    " 2>/dev/null; echo; uname -sm"
)


class SshRemote:
    """One board; implements `edge_imgq.devices.remote.machine.Remote`."""

    folder = "/tmp"

    def __init__(self, address: str) -> None:
        self.name = f"ssh:{address}"
        host, _, port = address.partition(":")
        self._words = [CLIENT, *OPTIONS, *(("-p", port) if port else ()), "--", host]

    def client(self, command: str) -> list[str]:
        """Return the local command line that runs a shell command on the board; nothing is run."""
        return [*self._words, command]

    def push(self, source: Path, destination: str) -> None:
        """Copy a file to the board through `cat`: boards may lack an SFTP server.

        The shell there splits `destination`, so it must not need quoting.

        Raises:
            DeviceError: the connection was lost, or storage is full.
        """
        with source.open("rb") as stream:
            copy(self, self.client(f"cat > {destination}"), source.name, stdin=stream)

    def pull(self, source: str, destination: Path) -> None:
        """Copy a file from the board.

        The shell there splits `source`, so it must not need quoting.

        Raises:
            DeviceError: the connection was lost, or the file does not exist.
        """
        with destination.open("wb") as stream:
            copy(self, self.client(f"cat {source}"), source, stdout=stream)


class Board(RemoteDevice):
    """One board; implements `edge_imgq.devices.protocol.Device`."""

    def __init__(self, address: str, options: DeviceOptions) -> None:
        super().__init__(SshRemote(address), options)

    def machine(self) -> str:
        """Describe the board in words: model, system and architecture.

        Raises:
            DeviceError: the connection was lost.
        """
        lines = [line.strip() for line in run_there(self.remote, MACHINE).output.splitlines()]
        return ", ".join(line for line in lines if line)

    def conditions(self) -> State:
        """Read the hottest sensor's temperature in °C and the load average of the board, in words.

        `disturbed` is True above 80 °C (HOT), or with a load average above 1.

        Raises:
            DeviceError: the connection was lost.
        """
        said = run_there(self.remote, STATE).output
        degrees = [int(text) / 1e3 for text in re.findall(r"^(\d{4,6})$", said, re.MULTILINE)]
        load = re.search(r"^load ([\d.]+)", said, re.MULTILINE)
        heat = f"{max(degrees):.0f} °C" if degrees else "temperature not known"
        busy = load is not None and float(load[1]) > 1
        return State(
            description=f"{heat}, load {load[1]}" if load else heat,
            thermal=heat,
            disturbed=busy or (bool(degrees) and max(degrees) > HOT),
        )


def find(argument: str, options: DeviceOptions) -> Device | Skipped:
    """Return a Linux board as a device, after reaching it over ssh, or why it is unavailable.

    A board that asks for a password is unavailable: only keys are used.

    Args:
        argument: user@host, optionally with :port.
        options: program and delegate.

    Raises:
        UsageError: the delegate is unknown.
    """
    if not argument:
        return Skipped("name the board: ssh:user@host")
    if shutil.which(CLIENT) is None:
        return Skipped(look()[0].reason)
    if reason := benchmark_model_advice(options):
        return Skipped(reason)
    board = Board(argument, options)
    try:
        board.machine()
    except DeviceError as error:
        return Skipped(f"{error}. The key must be known there: this never asks for a password")
    return board


def look() -> tuple[Presence, ...]:
    """Return one row that says if an ssh client is installed; boards are named by the user."""
    if shutil.which(CLIENT) is None:
        return (Presence("ssh", False, "there is no ssh", "Install OpenSSH's client."),)
    return (Presence("ssh", True, "name a board: --device ssh:user@host"),)
