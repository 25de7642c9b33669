"""Worker process that runs a file in this Python's runtime, on behalf of another process.

Requests: {"do": "open", "path", "threads"}; {"do": "run"} with uint8 pixels (H, W, C);
{"do": "count", "size"}: marks, one call, and a mark, for an emulator that counts instructions;
{"do": "footprint", "path", "threads", "size"}: peak growth of the process's memory.
"""

from __future__ import annotations

import dataclasses
import gc
import platform
from pathlib import Path
from typing import Any

from edge_imgq.devices.host import HostDevice
from edge_imgq.devices.instructions import mark
from edge_imgq.devices.protocol import DeviceSession
from edge_imgq.runtime.worker_loop import serve
from edge_imgq.skipped import Skipped


class Served:
    """The only session of this process."""

    def __init__(self) -> None:
        self._session: DeviceSession | None = None

    def answer(self, message: dict[str, Any], array: Any) -> tuple[dict[str, Any], Any]:
        """Answer one request of the parent process; return a message and an array, or None.

        `message["do"]` is "open" with "path" and "threads", which returns "machine", "identity" and
        "placement"; "footprint" with "path", "size" (height, width) and "threads", which returns
        the memory in "bytes"; "count" with a "size", which makes two calls between marks for an
        emulator; or "run", with a uint8 image (H, W, C) as array, which returns the output, uint8
        (H', W', C'). "count" and "run" need an opened file.

        Raises:
            EdgeImgqError: as in opening or running the file in this process.
        """
        if message["do"] == "open":
            return self._open(Path(message["path"]), message["threads"]), None
        if message["do"] == "footprint":
            return {"bytes": _footprint(message)}, None
        assert self._session is not None
        if message["do"] == "count":
            call = self._session.prepare((message["size"][0], message["size"][1]))
            call()
            mark()
            mark()
            call()
            mark()
            return {}, None
        return {}, self._session.run(array)

    def _open(self, path: Path, threads: int) -> dict[str, Any]:
        self._session = HostDevice().open(path, threads)
        placement = self._session.placement()
        return {
            "machine": platform.machine(),
            "identity": dataclasses.asdict(self._session.identity),
            "placement": None if isinstance(placement, Skipped) else dataclasses.asdict(placement),
        }


def _footprint(message: dict[str, Any]) -> int:
    """Open and run a file, and return the peak growth of resident memory, in bytes.

    It is measured twice, because the first time also loads the runtime's libraries.
    """
    path, size = Path(message["path"]), (message["size"][0], message["size"][1])
    grown = 0
    for _ in range(2):
        Path("/proc/self/clear_refs").write_text("5")  # reset the peak, see proc(5)
        before = _status("VmRSS")
        session = HostDevice().open(path, message["threads"])
        session.prepare(size)()
        grown = _status("VmHWM") - before
        del session
        gc.collect()
    return grown


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    (value,) = (line.split()[1] for line in lines if line.startswith(f"{field}:"))
    return int(value) * 1024


if __name__ == "__main__":
    serve(Served().answer)
