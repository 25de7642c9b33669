"""Run the files of `enhance` on a device instead of this host."""

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
    """Open files on a device, yield networks that run there, and close them at the end.

    Args:
        enhancers: files written by `export`, opened on this host.
        device: name of the device, such as "gpu"; "" yields `enhancers` unchanged.
        threads: processor threads, if the device's runtime uses them.

    Raises:
        UsageError: the device does not exist, or a network is not a file.
        RuntimeUnavailableError: the device is not available.
        DeviceError: the device does not run a file.
        ModelError: a file was not written by edge-imgq.
    """
    if not device:
        yield enhancers
        return
    machine = find_device(device)
    if isinstance(machine, Skipped):
        raise RuntimeUnavailableError(machine.reason)
    with ExitStack() as sessions:
        yield [_placed(enhancer, machine, threads, sessions) for enhancer in enhancers]


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
