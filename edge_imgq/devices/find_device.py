"""Table of all devices, by the name that `--device` takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from edge_imgq.devices.options import DeviceOptions
from edge_imgq.errors import UsageError
from edge_imgq.skipped import Skipped
from edge_imgq.wording import no_such

if TYPE_CHECKING:
    from edge_imgq.devices.protocol import Device, Presence


@dataclass(frozen=True)
class DeviceKind:
    """A kind of device.

    Attributes:
        module: module with `find(argument, options)`, which returns the device or why it is
            unavailable, and `look()`, which lists devices of this kind.
        argument: meaning of the word after the colon, for help; empty if none is allowed.
        summary: a few words.
    """

    module: str
    argument: str
    summary: str


DEVICES: dict[str, DeviceKind] = {
    "host": DeviceKind("edge_imgq.devices.host", "", "this machine"),
    "arm64": DeviceKind(
        "edge_imgq.devices.arm64.device", "core", "Arm kernels, emulated where the host has none"
    ),
    "gpu": DeviceKind("edge_imgq.devices.gpu.device", "", "LiteRT's GPU kernels, without a phone"),
    "hexagon": DeviceKind(
        "edge_imgq.devices.hexagon.device", "chip", "Qualcomm's NPU, emulated where there is none"
    ),
    "coreml": DeviceKind("edge_imgq.devices.coreml", "", "Core ML on this Mac"),
    "android": DeviceKind("edge_imgq.devices.remote.android", "serial", "a phone, over adb"),
    "ssh": DeviceKind("edge_imgq.devices.remote.ssh", "user@host", "a Linux board, over ssh"),
}
"""Kind of device, by name."""

NO_OPTIONS = DeviceOptions()


def find_device(spec: str, options: DeviceOptions = NO_OPTIONS) -> Device | Skipped:
    """Return a device by its name, ready to open files, or a `Skipped` that says why not.

    Args:
        spec: a key of DEVICES, optionally with a colon and argument, e.g. "hexagon:sm8750".
        options: further choices of the user.

    Raises:
        UsageError: there is no such kind of device, or it does not take an option.
    """
    name, _, argument = spec.partition(":")
    if name not in DEVICES:
        raise UsageError(no_such("device", name, DEVICES))
    if options.bisects and name != "gpu":
        raise UsageError(
            "--bisect looks for the operator that a GPU computes wrongly; it goes with "
            "--device gpu alone."
        )
    find: Callable[[str, DeviceOptions], Device | Skipped]
    find = import_module(DEVICES[name].module).find
    return find(argument, options)


def look_for_devices() -> tuple[Presence, ...]:
    """List every available device, and every unavailable kind with the reason.

    They come in the order of DEVICES. Phones are looked for with adb; nothing is run on them.
    """
    presences: list[Presence] = []
    for kind in DEVICES.values():
        look: Callable[[], tuple[Presence, ...]] = import_module(kind.module).look
        presences += look()
    return tuple(presences)
