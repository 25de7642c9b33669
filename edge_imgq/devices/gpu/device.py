"""LiteRT's GPU kernels, on a GPU of this machine or on a software Vulkan driver.

They are the kernels that run on a phone's GPU, in its float16, so supported operators and returned
values are known without a phone. A phone's driver may round differently. Times measured here do not
apply to phones and are never reported.

Drivers may crash, so the kernels run in a separate process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from ctypes.util import find_library
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.devices import one_input
from edge_imgq.devices.gpu.log import GpuLog, read_log
from edge_imgq.devices.gpu.setup import WORKER, cache_folder, cannot_be_set_up, read_driver
from edge_imgq.devices.instructions import Uncounted
from edge_imgq.devices.latency import Latency
from edge_imgq.devices.options import DeviceOptions
from edge_imgq.devices.protocol import RUNS, WARM_UP, Device, DeviceSession, Presence
from edge_imgq.devices.warmup_call import on_gray
from edge_imgq.errors import DeviceError, NonFiniteOutputError
from edge_imgq.formats import is_run_by
from edge_imgq.images.layout import levels_from_nhwc, pixels_of, to_nhwc
from edge_imgq.runtime.fp16_overflow import fp16_overflows
from edge_imgq.runtime.open import open_session
from edge_imgq.runtime.protocol import Placement, RuntimeIdentity
from edge_imgq.runtime.worker import Worker
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from numpy import float32, float64, uint8
    from numpy.typing import NDArray

SET_UP = "edge-imgq doctor --set-up gpu"
ACCELERATOR = "libLiteRtWebGpuAccelerator.so"
MANIFESTS = ("/etc/vulkan/icd.d", "/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d")
"""Folders in which a system registers its Vulkan drivers."""

CHOSEN = ("VK_DRIVER_FILES", "VK_ICD_FILENAMES")
"""Environment variables that select a driver."""

UNIT = "the GPU"


@dataclass(frozen=True)
class Driver:
    """A Vulkan driver.

    Attributes:
        name: name for messages.
        environment: variables with which a process loads it; empty for the system's.
    """

    name: str
    environment: dict[str, str]


class GpuDevice:
    """LiteRT's GPU kernels on this machine; implements `edge_imgq.devices.protocol.Device`."""

    name = "gpu"

    def __init__(self, drivers: tuple[Driver, ...], bisects: bool = False) -> None:
        """Prepare a device.

        Args:
            drivers: available drivers, the system's first.
            bisects: whether files are to be compared operator by operator.
        """
        self._drivers, self.bisects = drivers, bisects

    def refusal(self, path: Path) -> str:
        """Return why a file does not run on GPUs, as a clause; "" if it does.

        They run float TFLite files with one image input and one output.

        Raises:
            ModelError: the file is damaged, or was not written by edge-imgq.
        """
        if not is_run_by(path, self.name):
            return "LiteRT's GPU kernels run TFLite files; use tflite-gpu or tflite-float"
        from edge_imgq.runtime.tflite_file import read_note

        if read_note(path).quantized_sha256:
            return "it is an int8 file, and GPUs compute in float; use tflite-gpu or tflite-float"
        return one_input.refusal(path)

    def open(self, path: Path, threads: int) -> DeviceSession:  # noqa: ARG002
        """Compile a file for the GPU; operators that it refuses run on the CPU.

        An emulated GPU is used only if there is no real one: the software driver is last. The
        caller closes the session.

        Args:
            path: a .tflite file that edge-imgq wrote.
            threads: unused.

        Raises:
            ModelError: the file is damaged.
            DeviceError: the driver crashed, or finds no GPU.
            RuntimeUnavailableError: LiteRT is not installed.
        """
        for driver in self._drivers[:-1]:
            try:
                session = GpuSession(path, driver, self.bisects)
            except DeviceError:
                continue
            if not session.is_processor:
                return session
            session.close()
        return GpuSession(path, self._drivers[-1], self.bisects)


class GpuSession(Uncounted):
    """One file in LiteRT's GPU kernels; implements `DeviceSession`."""

    resizable = False
    is_bit_exact = False

    def __init__(self, path: Path, driver: Driver, bisects: bool = False) -> None:
        here = open_session(path)
        self.path, self.note, self.size, self.sizes = path, here.note, here.size, here.sizes
        self.bisects = bisects
        self._worker = Worker(
            f"the GPU ({driver.name})", [sys.executable, "-m", WORKER], driver.environment
        )
        try:
            self._whole, self._log = self._open(driver)
        except BaseException:
            self._worker.close()
            raise
        self.is_processor = self._log.is_processor
        self.identity = RuntimeIdentity(
            "LiteRT",
            version("ai-edge-litert"),
            f"GPU kernels on {self._log.adapter}",
            threads=0,
            is_device_runtime=False,
        )

    def run(self, pixels: NDArray[uint8]) -> NDArray[uint8]:
        """Run the file on an image in the GPU's default float16; return uint8 (H', W', C').

        The result, of the output's size, is rounded half to even and clipped.

        Args:
            pixels: uint8 (H, W, C) of a size that the file takes.

        Raises:
            NonFiniteOutputError: the output holds NaN or infinity.
            DeviceError: the driver crashed.
        """
        return pixels_of(self.levels(pixels))

    def levels(
        self, pixels: NDArray[uint8 | float64], in_float32: bool = False
    ) -> NDArray[float64]:
        """Run the file on levels 0 to 255; return levels, float64 (H', W', C').

        They are neither rounded to whole levels nor clipped.

        Args:
            pixels: levels, uint8 or float64 (H, W, C), of a size that the file takes.
            in_float32: True to compute in float32 instead of float16.

        Raises:
            NonFiniteOutputError: the output holds NaN or infinity.
            DeviceError: the driver crashed.
        """
        peak = self.note.contract.peak
        question = {"do": "run", "in_float32": in_float32}
        _, values = self._worker.ask(question, to_nhwc(pixels, peak))
        try:
            return levels_from_nhwc(values, peak)
        except NonFiniteOutputError as error:
            beyond = fp16_overflows(self.path, pixels_of(pixels), peak)
            if in_float32 or not beyond:
                raise
            raise NonFiniteOutputError(
                f"the GPU, which computes in float16, returns NaN or infinity: {beyond[0]}. Scale "
                "the model's values down before that node."
            ) from error

    def tensors(
        self, path: Path, pixels: NDArray[uint8], in_float32: bool
    ) -> tuple[NDArray[float32], ...]:
        """Run another file with the same input on an image, and return all its outputs.

        Each is float32 in one dimension, images flattened from NHWC.

        Args:
            path: a .tflite file with float32 outputs.
            pixels: uint8 (H, W, C) of that file's size.
            in_float32: True to compute in float32 instead of float16.

        Raises:
            DeviceError: the driver crashed, or does not run that file.
        """
        question = {"do": "tensors", "path": str(path.absolute()), "in_float32": in_float32}
        answer, flat = self._worker.ask(question, to_nhwc(pixels, self.note.contract.peak))
        outputs, start = [], 0
        for size in answer["sizes"]:
            outputs.append(flat[start : start + size])
            start += size
        return tuple(outputs)

    def prepare(self, size: tuple[int, int]) -> Callable[[], None]:
        """Return a function that runs the file once on a gray image of (height, width) pixels.

        It raises what `run` raises.
        """
        return on_gray(self, size)

    def latency(
        self,
        size: tuple[int, int],  # noqa: ARG002
        runs: int = RUNS,  # noqa: ARG002
        warm_up: int = WARM_UP,  # noqa: ARG002
    ) -> Latency | Skipped:
        """Return a `Skipped`: this GPU is not a phone's, nor is its time. Nothing is run."""
        what = (
            "a processor stands for the GPU" if self.is_processor else "this GPU is not a phone's"
        )
        return Skipped(f"{what}, and its time is not the phone's")

    def placement(self) -> Placement | Skipped:
        """Return how many operators LiteRT's GPU kernels run, and which they refuse.

        Read from LiteRT's log of opening the file; nothing is run. Never a `Skipped`.

        Raises:
            ModelError: the file is damaged.
        """
        count = operator_count(self.path)
        return placement_of(self._log, count, self._whole)

    def close(self) -> None:
        """End the worker process; the session cannot be used afterwards."""
        self._worker.close()

    def _open(self, driver: Driver) -> tuple[bool, GpuLog]:
        """Compile the file; return whether the GPU runs all of it, and LiteRT's log.

        Raises:
            DeviceError: the driver crashed, or finds no GPU.
        """
        try:
            opened, _ = self._worker.ask({"do": "open", "path": str(self.path.absolute())})
        except DeviceError as error:
            if read_log(self._worker.log()).adapter:
                raise
            raise DeviceError(f"LiteRT finds no GPU by {driver.name}. Run `{SET_UP}`.") from error
        return opened["whole"], read_log(self._worker.log())


def placement_of(log: GpuLog, count: int, whole: bool) -> Placement:
    """Count the operators that run on the GPU by LiteRT's log, and list the others.

    Operators that the GPU refuses come with the reason; those that they cut off are named so.

    Args:
        log: log of the compilation.
        count: number of operators in the file, if all run on the GPU.
        whole: True if LiteRT reports the file as fully accelerated.
    """
    if whole and log.delegated is None:
        return Placement(UNIT, count, count, log.partitions, ())
    taken = log.delegated or 0
    unnamed = log.remaining - len(log.refused)
    cut_off = ("operator that these cut off",) * max(unnamed, 0)
    return Placement(UNIT, taken + log.remaining, taken, log.partitions, (*log.refused, *cut_off))


def operator_count(path: Path) -> int:
    """Return the number of operators of a .tflite file's first subgraph.

    Raises:
        ModelError: the file is missing, damaged, or not TFLite.
    """
    from edge_imgq.runtime.tflite_file import read_model

    return len(read_model(path).subgraphs[0].operators)


def find(argument: str, options: DeviceOptions) -> Device | Skipped:
    """Return LiteRT's GPU kernels on this machine as a device, or why they do not run here.

    `argument`, the word after "gpu:", must be "": LiteRT chooses the GPU itself. Of `options`,
    `bisects` is used.
    """
    if argument:
        return Skipped(f"LiteRT chooses the GPU itself: write gpu, not gpu:{argument}")
    presence = look()[0]
    return (
        GpuDevice(vulkan_drivers(), options.bisects)
        if presence.is_available
        else Skipped(presence.reason)
    )


def look() -> tuple[Presence, ...]:
    """Return one row with the Vulkan drivers on which LiteRT's GPU kernels run, or what is missing.

    A driver of the system is listed without being tried.
    """
    if absent := missing_kernels():
        return (absent,)
    if drivers := vulkan_drivers():
        named = [d.name if d.environment else f"{d.name} (not tried)" for d in drivers]
        return (Presence("gpu", True, ", else ".join(named)),)
    detail = "there is no Vulkan driver, and no software driver is set up"
    if reason := cannot_be_set_up():
        return (Presence("gpu", False, f"{detail}; {reason}"),)
    return (Presence("gpu", False, detail, f"Run `{SET_UP}`."),)


def missing_kernels() -> Presence | None:
    """Return a row that says that LiteRT's GPU kernels are not installed, and what to install.

    None if they are; files of the package are looked for, not loaded.
    """
    package = find_spec("ai_edge_litert")
    folder = Path(package.origin).parent if package and package.origin else Path()
    if all((folder / name).is_file() for name in (ACCELERATOR, "gpu_options.py")):
        return None
    detail = f"ai-edge-litert {version('ai-edge-litert')} brings no GPU kernels for this machine"
    return Presence("gpu", False, detail, "pip install 'ai-edge-litert>=2.3' (Linux x86-64)")


def vulkan_drivers() -> tuple[Driver, ...]:
    """Return the available Vulkan drivers: the system's, then the software driver that was set up.

    () if there is neither. They are looked for in files and variables, not loaded.
    """
    drivers = []
    named = any(next(Path(folder).glob("*.json"), None) for folder in MANIFESTS)
    if (named or any(map(os.environ.get, CHOSEN))) and find_library("vulkan"):
        drivers.append(Driver("the system's Vulkan driver", {}))
    if software := read_driver(cache_folder()):
        drivers.append(Driver(f"lavapipe of Mesa {software.mesa}", software.environment))
    return tuple(drivers)
