"""Measure the latency of files on a device."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge_imgq.bench.timing import Timing, TimingRequest, not_timed, time_file, time_on_host
from edge_imgq.devices.find_device import find_device
from edge_imgq.devices.host import HostDevice
from edge_imgq.devices.options import DeviceOptions
from edge_imgq.errors import (
    NOT_MADE_FOR,
    DeviceError,
    EdgeImgqError,
    ModelError,
    RuntimeUnavailableError,
    UnsupportedOperatorError,
    code_of_not_run,
)
from edge_imgq.pipeline.progress import ProgressStep, Watch
from edge_imgq.skipped import Skipped
from edge_imgq.wording import count_of


def bench(
    files: Sequence[Path],
    device: str,
    options: DeviceOptions,
    request: TimingRequest,
    watch: Watch,
) -> tuple[tuple[Timing, ...], int]:
    """Measure the latency of files on a device; of several files on this host, in turns.

    Args:
        files: files written by edge-imgq.
        device: name of the device.
        options: further options of the device.
        request: threads, number of calls and other settings of the measurement.
        watch: called before each step.

    Returns:
        One or more timings in milliseconds per file, or why it was not timed, and the exit code for
        files that did not run (`code_of_not_run`).

    Raises:
        UsageError: the device does not exist, or a network does not take images of that size.
        ModelError: the only file is damaged, or of a format that no device runs.
    """
    machine = find_device(device, options)
    if isinstance(machine, Skipped):
        absent = tuple(not_timed(file, device, machine.reason) for file in files)
        return absent, RuntimeUnavailableError.exit_code
    if isinstance(machine, HostDevice):
        in_turns = " in turns" if len(files) > 1 else ""
        watch(
            ProgressStep(f"time {count_of(len(files), 'file')}{in_turns} on {machine.name}", 0, 1)
        )
        return _on_host(files, machine, request)
    timings: list[Timing] = []
    codes: list[int] = []
    noted = (DeviceError, ModelError if len(files) > 1 else UnsupportedOperatorError)
    for index, file in enumerate(files):
        if refusal := machine.refusal(file):
            timings.append(not_timed(file, device, refusal))
            codes.append(NOT_MADE_FOR)
            continue
        watch(ProgressStep(f"time {file} on {machine.name}", index, len(files)))
        try:
            timings.extend(time_file(file, machine, request))
        except noted as error:
            timings.append(not_timed(file, device, str(error)))
            codes.append(error.exit_code)
    return tuple(timings), code_of_not_run(codes, any_ran=len(codes) < len(files))


def _on_host(
    files: Sequence[Path], device: HostDevice, request: TimingRequest
) -> tuple[tuple[Timing, ...], int]:
    """Measure files on this host; if several, damaged ones are reported after the others."""
    broken: dict[Path, EdgeImgqError] = {}
    timings = time_on_host(files, device, request, broken)
    if len(files) == len(broken):
        raise next(iter(broken.values()))
    absent = tuple(not_timed(file, device.name, str(error)) for file, error in broken.items())
    return (*timings, *absent), max((error.exit_code for error in broken.values()), default=0)
