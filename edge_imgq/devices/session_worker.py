"""Runs a file in this Python's own runtime, for a process that is elsewhere.

Questions: {"do": "open", "path", "threads"}; {"do": "run"} with uint8 pixels (H, W, C).
"""

from __future__ import annotations

import dataclasses
import platform
from pathlib import Path
from typing import Any

from edge_imgq.devices.host import HostDevice
from edge_imgq.devices.protocol import DeviceSession
from edge_imgq.devices.worker_loop import serve
from edge_imgq.skipped import Skipped


class Served:
    """The one session of this process."""

    def __init__(self) -> None:
        self._session: DeviceSession | None = None

    def answer(self, message: dict[str, Any], array: Any) -> tuple[dict[str, Any], Any]:
        """Answer one question."""
        if message["do"] == "open":
            return self._open(Path(message["path"]), message["threads"]), None
        assert self._session is not None
        return {}, self._session.run(array)

    def _open(self, path: Path, threads: int) -> dict[str, Any]:
        self._session = HostDevice().open(path, threads)
        place = self._session.placement()
        return {
            "machine": platform.machine(),
            "identity": dataclasses.asdict(self._session.identity),
            "placement": None if isinstance(place, Skipped) else dataclasses.asdict(place),
        }


if __name__ == "__main__":
    serve(Served().answer)
