"""Phones over adb."""

from __future__ import annotations

from edge_imgq.devices.options import DeviceOptions
from edge_imgq.devices.protocol import Device, Presence
from edge_imgq.devices.remote.adb import AdbRemote, attached, conditions, description
from edge_imgq.devices.remote.device import RemoteDevice, benchmark_model_advice
from edge_imgq.devices.remote.machine import State
from edge_imgq.errors import DeviceError, UsageError
from edge_imgq.skipped import Skipped

KIND = "android"
"""Name of the entry that says that there is no phone."""

REMEDY = {
    "unauthorized": "Unlock it and allow USB debugging for this computer.",
    "offline": "Unplug it and plug it in again, or run `adb reconnect`.",
    "no permissions": "See `adb devices`; udev rules for the phone are missing.",
}
"""Advice by state that adb reports."""


class AndroidDevice(RemoteDevice):
    """One phone; implements `edge_imgq.devices.protocol.Device`."""

    def __init__(self, serial: str, options: DeviceOptions) -> None:
        super().__init__(AdbRemote(serial), options)

    def machine(self) -> str:
        """Describe the phone in words: model, chip and Android version.

        Raises:
            DeviceError: the connection was lost.
        """
        return description(self.remote)

    def conditions(self) -> State:
        """Read the battery's level and temperature in °C, and the thermal status, in words.

        `disturbed` says whether the phone is too warm for a time to count.

        Raises:
            DeviceError: the connection was lost.
        """
        return conditions(self.remote)


def find(argument: str, options: DeviceOptions) -> Device | Skipped:
    """Return a phone that is attached over adb as a device, or why it is unavailable.

    Args:
        argument: serial number; "" if only one phone is attached.
        options: program and delegate.

    Raises:
        UsageError: several phones are attached and none is named, or the delegate is unknown.
    """
    phones = look()
    if phones[0].name == KIND:
        return Skipped(phones[0].reason)
    wanted = [phone for phone in phones if not argument or phone.name == f"{KIND}:{argument}"]
    if not wanted:
        return Skipped(f"no phone '{argument}' is attached; see `adb devices`")
    if len(wanted) > 1:
        names = " ".join(f"--device {phone.name}" for phone in wanted)
        raise UsageError(f"Several phones are attached. Say which, or all of them: {names}")
    if not wanted[0].is_available:
        return Skipped(wanted[0].reason)
    if reason := benchmark_model_advice(options):
        return Skipped(reason)
    return AndroidDevice(wanted[0].name.partition(":")[2], options)


def look() -> tuple[Presence, ...]:
    """Return a row for every phone that adb lists, or one that says why there is none.

    A phone that does not accept commands is listed with the reason.
    """
    try:
        phones = attached()
    except DeviceError as error:
        return (Presence(KIND, False, str(error)),)
    if phones is None:
        advice = "Install Android's platform tools (Debian: apt install adb)."
        return (Presence(KIND, False, "there is no adb", advice),)
    if not phones:
        advice = "Plug in a phone with USB debugging switched on."
        return (Presence(KIND, False, "no phone is attached", advice),)
    return tuple(_presence(phone.serial, phone.state) for phone in phones)


def _presence(serial: str, state: str) -> Presence:
    name = f"{KIND}:{serial}"
    if state != "device":
        advice = next((words for key, words in REMEDY.items() if state.startswith(key)), "")
        return Presence(name, False, f"the phone is {state}", advice)
    try:
        return Presence(name, True, description(AdbRemote(serial)))
    except DeviceError as error:
        return Presence(name, False, str(error))
