"""The Android Debug Bridge, through its own client."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from edge_imgq.devices.remote.machine import Remote, State, copy, run_there
from edge_imgq.errors import DeviceError

CLIENT = "adb"
THERMAL = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
"""Android's thermal status by number (PowerManager.THERMAL_STATUS_*)."""

MODERATE = 2
WARM = 45.0
"""Battery temperature in °C above which a time counts as disturbed."""


@dataclass(frozen=True)
class Attached:
    """A device that adb lists.

    Attributes:
        serial: serial number in adb.
        state: "device" if it accepts commands; "unauthorized", "offline", "no permissions", …
    """

    serial: str
    state: str


class AdbRemote:
    """One Android device; implements `edge_imgq.devices.remote.machine.Remote`."""

    folder = "/data/local/tmp"

    def __init__(self, serial: str) -> None:
        self._serial = serial
        self.name = f"android:{serial}"

    def client(self, command: str) -> list[str]:
        """Return the local command line that runs a shell command on the device; nothing is run."""
        return [CLIENT, "-s", self._serial, "shell", command]

    def push(self, source: Path, destination: str) -> None:
        """Copy a file to the device with `adb push`; a file at `destination` is replaced.

        Raises:
            DeviceError: the connection was lost, or storage is full.
        """
        copy(self, [CLIENT, "-s", self._serial, "push", str(source), destination], source.name)

    def pull(self, source: str, destination: Path) -> None:
        """Copy a file from the device with `adb pull`; a file at `destination` is replaced.

        Raises:
            DeviceError: the connection was lost, or the file does not exist.
        """
        copy(self, [CLIENT, "-s", self._serial, "pull", source, str(destination)], source)


def attached() -> tuple[Attached, ...] | None:
    """List every device that `adb devices` lists, with its state; None if adb is not installed.

    Those that are offline or not authorized are among them. It may start adb's server.

    Raises:
        DeviceError: adb's server does not start.
    """
    if shutil.which(CLIENT) is None:
        return None
    done = subprocess.run(
        [CLIENT, "devices"], capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode:
        raise DeviceError(f"adb does not start its server: {done.stderr.strip()}")
    _, _, rows = done.stdout.partition("List of devices attached")
    cells = [re.split(r"\s+", line.strip(), maxsplit=1) for line in rows.splitlines()]
    return tuple(Attached(row[0], row[1]) for row in cells if len(row) == 2)


def description(remote: Remote) -> str:
    """Describe a phone in words: "Pixel 8, Tensor G3, Android 15".

    Raises:
        DeviceError: the connection was lost.
    """
    properties = ("ro.product.model", "ro.soc.model", "ro.build.version.release")
    line = "; ".join(f"getprop {name}" for name in properties)
    lines = [line.strip() for line in run_there(remote, line).output.splitlines()]
    model, soc, version = (*lines, "", "", "")[:3]
    return f"{model or 'unknown phone'}, {soc or 'unknown chip'}, Android {version or '?'}"


def conditions(remote: Remote) -> State:
    """Read a phone's battery level, battery temperature in °C and thermal status.

    `disturbed` is True above 45 °C (WARM), and from the thermal status "moderate" on.

    Raises:
        DeviceError: the connection was lost.
    """
    said = run_there(remote, "dumpsys battery; dumpsys thermalservice").output
    level, tenths = (_number(said, rf"^\s*{key}: (\d+)") for key in ("level", "temperature"))
    status = _number(said, r"Thermal Status: (\d+)")
    charge = [] if level is None else [f"battery {level} %"]
    heat = [] if tenths is None else [f"battery at {tenths / 10:.1f} °C"]
    heat.append("thermal state not known" if status is None else f"thermal {_thermal(status)}")
    hot = tenths is not None and tenths / 10 > WARM
    return State(
        description=", ".join(charge + heat),
        thermal=", ".join(heat),
        disturbed=hot or (status is not None and status >= MODERATE),
    )


def _thermal(status: int) -> str:
    return THERMAL[status] if status < len(THERMAL) else str(status)


def _number(text: str, pattern: str) -> int | None:
    match = re.search(pattern, text, re.MULTILINE)
    return int(match[1]) if match else None
