"""Running the files of `enhance` on a device instead of this host."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

from edge_imgq.devices.find_device import find_device
from edge_imgq.devices.protocol import Device
from edge_imgq.errors import DeviceError, RuntimeUnavailableError, UsageError
from edge_imgq.formats import format_of
from edge_imgq.pipeline.enhance.enhancer import Enhancer
from edge_imgq.skipped import Skipped


@contextmanager
def on_device(
    enhancers: Sequence[Enhancer], device: str, threads: int
) -> Iterator[Sequence[Enhancer]]:
    """Open files on a device and yield networks that run there; close them at the end.

    Args:
        enhancers: files that `export` wrote, open on this host.
        device: its name, such as "gpu"; empty for this host, where nothing changes.
        threads: processor threads, where the device's runtime has them.

    Raises:
        UsageError: there is no such device, or a network is no file.
        RuntimeUnavailableError: the device is not there.
        DeviceError: it does not run a file.
        ModelError: a file was not written by edge-imgq.
    """
    if not device:
        yield enhancers
        return
    found = find_device(device)
    if isinstance(found, Skipped):
        raise RuntimeUnavailableError(found.reason)
    with ExitStack() as sessions:
        yield [_placed(enhancer, found, threads, sessions) for enhancer in enhancers]


def _placed(enhancer: Enhancer, device: Device, threads: int, sessions: ExitStack) -> Enhancer:
    path = Path(enhancer.name)
    if format_of(path) is None or not path.exists():
        raise UsageError(
            f"--device runs files that `edge-imgq export` wrote, and '{enhancer.name}' is none: "
            "export it, and name the file."
        )
    if why := device.refusal(path):
        raise DeviceError(f"{device.name} does not run {path}: {why}.")
    session = sessions.enter_context(closing(device.open(path, threads)))
    return replace(enhancer, session=session)
