"""Machines that run .tflite files with LiteRT's `benchmark_model`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from edge_imgq.devices import one_input
from edge_imgq.devices.options import DeviceOptions
from edge_imgq.devices.protocol import DeviceSession
from edge_imgq.devices.remote.benchmark_model import PROGRAM, delegate_flags
from edge_imgq.devices.remote.machine import Remote, State
from edge_imgq.devices.remote.session import RemoteSession
from edge_imgq.formats import is_run_by
from edge_imgq.runtime import npu_file


class RemoteDevice(ABC):
    """Base class of phones and boards; implements `edge_imgq.devices.protocol.Device`."""

    def __init__(self, remote: Remote, options: DeviceOptions) -> None:
        """Prepare a device.

        Args:
            remote: connection to the machine.
            options: program and delegate.

        Raises:
            UsageError: the delegate is unknown.
        """
        delegate_flags(options.delegate)
        self.remote, self._options = remote, options
        self.name = remote.name

    @abstractmethod
    def machine(self) -> str:
        """Describe the machine in words, such as model, chip and system, for reports.

        Raises:
            DeviceError: the connection was lost.
        """

    @abstractmethod
    def conditions(self) -> State:
        """Read temperature and load, or battery, of the machine, in words for reports.

        `disturbed` says whether they make a time doubtful.

        Raises:
            DeviceError: the connection was lost.
        """

    def refusal(self, path: Path) -> str:
        """Return why a file is not run, as a clause; "" if it is.

        `benchmark_model` runs TFLite files that are not compiled for an NPU and have one image
        input and one output.

        Raises:
            ModelError: the file is damaged, or has no edge-imgq metadata.
        """
        kind = self.name.partition(":")[0]
        if not is_run_by(path, kind):
            return f"{PROGRAM} runs .tflite files"
        return npu_file.refusal(path) or one_input.refusal(path)

    def open(self, path: Path, threads: int) -> DeviceSession:
        """Copy a file and the benchmark program to the machine; the caller closes the session.

        Args:
            path: a .tflite file that edge-imgq wrote.
            threads: CPU threads.

        Raises:
            ModelError: the file is damaged.
            DeviceError: the connection was lost, or storage is full.
            RuntimeUnavailableError: LiteRT, which checks the file, is not installed.
        """
        machine = self.machine()
        return RemoteSession(self.remote, machine, self.conditions, path, threads, self._options)


def benchmark_model_advice(options: DeviceOptions) -> str:
    """Return where to get LiteRT's benchmark program, as sentences; "" if the options' path exists.

    It is looked for on this host, from which it is copied to the device.
    """
    program = options.benchmark_model
    if program is not None and program.is_file():
        return ""
    where = f"{program} is no file" if program else f"LiteRT's {PROGRAM} is not named"
    return (
        f"{where}. Build it from LiteRT's sources for the device (bazel build -c opt "
        f"--config=android_arm64 //tflite/tools/benchmark:{PROGRAM}) or take a nightly build that "
        "its documentation links, and name it with --benchmark-model or EDGE_IMGQ_BENCHMARK_MODEL"
    )
