"""Core ML on this Mac: the runtime through coremltools, and its compute plan.

A connected iPhone is not used: coremltools' remote device builds an app and signs it with the
developer's credentials (`coremltools.models.ml_program.experimental.remote_device`).
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_imgq.devices.instructions import Uncounted
from edge_imgq.devices.options import DeviceOptions
from edge_imgq.devices.protocol import RUNS, WARM_UP, Device, DeviceSession, Presence
from edge_imgq.devices.stopwatch import measure
from edge_imgq.formats import is_run_by
from edge_imgq.runtime.open import open_session
from edge_imgq.runtime.protocol import Placement
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

    from edge_imgq.devices.latency import Latency

NEURAL_ENGINE = "Neural Engine"
UNITS = {
    "MLNeuralEngineComputeDevice": NEURAL_ENGINE,
    "MLGPUComputeDevice": "GPU",
    "MLCPUComputeDevice": "processor",
}
"""Name of the compute unit, by class name in coremltools."""


class CoreMLDevice:
    """Core ML of this Mac; implements `edge_imgq.devices.protocol.Device`."""

    name = "coreml"

    def refusal(self, path: Path) -> str:
        """Return why Core ML does not run a file; "" for a path that ends in .mlpackage.

        The file is not opened.
        """
        return "" if is_run_by(path, self.name) else "Core ML runs .mlpackage alone"

    def open(self, path: Path, threads: int) -> DeviceSession:
        """Load a package in Core ML of this Mac; the caller closes the session.

        Args:
            path: package that edge-imgq wrote.
            threads: ignored: Core ML chooses.

        Raises:
            ModelError: the package is missing or damaged.
            RuntimeUnavailableError: this Mac's Core ML does not load it.
        """
        return CoreMLSession(path, threads)


class CoreMLSession(Uncounted):
    """One package in Core ML; implements `edge_imgq.devices.protocol.DeviceSession`."""

    is_bit_exact = False

    def __init__(self, path: Path, threads: int) -> None:
        self._path, self._session = path, open_session(path, threads)
        self.identity, self.note = self._session.identity, self._session.note
        self.size, self.sizes = self._session.size, self._session.sizes
        self.resizable = self._session.resizable

    def run(self, pixels: NDArray[uint8]) -> NDArray[uint8]:
        """Run the package on an image; return its output, uint8 (H × scale, W × scale, C).

        Core ML computes in float16; float outputs are rounded half to even and clipped.

        Args:
            pixels: uint8 (H, W, C), all inputs along the channels.

        Raises:
            ModelError: the package has another size.
            NonFiniteOutputError: the output contains NaN or infinity.
        """
        return self._session.run(pixels)

    def prepare(self, size: tuple[int, int]) -> Callable[[], None]:
        """Return a function that runs the package once on a converted image of noise, for timing.

        `size` is (height, width) of the input in pixels. Its result is discarded.
        """
        return self._session.prepare(size)

    def latency(
        self, size: tuple[int, int], runs: int = RUNS, warm_up: int = WARM_UP
    ) -> Latency | Skipped:
        """Time `predict` by the wall clock, in ms, overhead of coremltools included.

        Never returns a `Skipped`.

        Args:
            size: height and width of the input in pixels.
            runs: calls to count; fewer for a slow file, and more if calls were disturbed.
            warm_up: smallest number of calls before that.
        """
        return measure(self._session, size, runs, warm_up)

    def placement(self) -> Placement | Skipped:
        """Return how many operators Core ML prefers to run on the Neural Engine, and the others.

        Read from Core ML's compute plan; nothing is run. A `Skipped` before macOS 14.4, which has
        none.
        """
        try:
            return placement_of(_planned_units(self._path))
        except (AttributeError, NotImplementedError) as error:
            return Skipped(f"this macOS gives no compute plan: {error}")

    def close(self) -> None:
        """Do nothing: the model is freed with the object."""


def placement_of(planned: Sequence[tuple[str, str]]) -> Placement:
    """Count the operators that the Neural Engine runs by a compute plan, and list the others.

    Consecutive operators on the Neural Engine count as one partition.

    Args:
        planned: operator and unit of each computing operation, in the order of execution; units
            are values of UNITS or other names.
    """
    elsewhere = tuple(f"{kind} ({unit})" for kind, unit in planned if unit != NEURAL_ENGINE)
    runs = [unit for unit, _ in groupby(unit for _, unit in planned)]
    return Placement(
        NEURAL_ENGINE,
        len(planned),
        len(planned) - len(elsewhere),
        runs.count(NEURAL_ENGINE),
        elsewhere,
    )


def find(argument: str, options: DeviceOptions) -> Device | Skipped:  # noqa: ARG001
    """Return Core ML of this Mac as a device, or the reason why this machine has none.

    `argument`, the word after "coreml:", must be ""; `options` is unused.
    """
    presence = look()[0]
    if argument:
        return Skipped(f"there is only one Core ML: write coreml, not coreml:{argument}")
    return CoreMLDevice() if presence.is_available else Skipped(presence.reason)


def look() -> tuple[Presence, ...]:
    """Return one row that says whether this machine runs Core ML: on macOS alone."""
    if sys.platform == "darwin":
        return (Presence("coreml", True, f"macOS {platform.mac_ver()[0]}"),)
    advice = "On this system packages run in the reference evaluator, untimed."
    return (Presence("coreml", False, "Core ML runs on macOS alone", advice),)


def _planned_units(path: Path) -> list[tuple[str, str]]:
    """Return operator and preferred unit of every computing operation."""
    from coremltools.models import MLModel
    from coremltools.models.compute_plan import MLComputePlan

    model = MLModel(str(path))  # its compiled copy lives as long as it does
    plan: Any = MLComputePlan.load_from_path(model.get_compiled_model_path())
    operations = plan.model_structure.program.functions["main"].block.operations
    planned = []
    for operation in operations:
        usage = plan.get_compute_device_usage_for_mlprogram_operation(operation)
        if usage is not None:
            unit = type(usage.preferred_compute_device).__name__
            planned.append((operation.operator_name, UNITS.get(unit, unit)))
    return planned
