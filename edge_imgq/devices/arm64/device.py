"""A phone's processor: Arm kernels, native on an Arm host, otherwise in user-mode emulation.

Int8 kernels must return exactly what they return on this host. Float kernels sum in another order
and may differ by roundings. The time of an emulator is not that of a processor.
"""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_imgq.artifact import float_reference
from edge_imgq.devices import one_input
from edge_imgq.devices.arm64.cores import CORES, DEFAULT, core_named, write_system
from edge_imgq.devices.arm64.llvm_mca import find_llvm_mca
from edge_imgq.devices.arm64.recording import record_operators
from edge_imgq.devices.arm64.setup import cache_folder, cannot_be_set_up, read_emulation
from edge_imgq.devices.host import WORKER, HostDevice
from edge_imgq.devices.instructions import Instructions, read_count
from edge_imgq.devices.options import DeviceOptions
from edge_imgq.devices.protocol import RUNS, WARM_UP, Device, DeviceSession, Presence
from edge_imgq.devices.warmup_call import on_gray
from edge_imgq.formats import is_run_by
from edge_imgq.runtime import npu_file
from edge_imgq.runtime.open import open_session
from edge_imgq.runtime.protocol import Placement, RuntimeIdentity
from edge_imgq.runtime.tflite_file import computes_in_integers
from edge_imgq.runtime.worker import Worker
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

    from edge_imgq.devices.arm64.operator_costs import OperatorCosts
    from edge_imgq.devices.arm64.setup import Emulation
    from edge_imgq.devices.latency import Latency

NAME = "arm64"
ARM = frozenset({"aarch64", "arm64"})
SET_UP = "edge-imgq doctor --set-up arm64"
TILE = 96
"""Side in pixels of the tile for files of open size; the receptive field if that is larger."""


class NativeArm(HostDevice):
    """This host, if it is an Arm machine."""

    name = NAME


class EmulatedArm:
    """LiteRT for Arm under emulation; implements `edge_imgq.devices.protocol.Device`."""

    def __init__(self, emulation: Emulation, core: str = "") -> None:
        """Prepare a device.

        Args:
            emulation: the emulation that was set up.
            core: a key of CORES; "" for DEFAULT.
        """
        self._emulation, self._core = emulation, core or DEFAULT
        self.name = f"{NAME}:{core}" if core else NAME

    def refusal(self, path: Path) -> str:
        """Return why a file is not run, as a clause; "" if it is.

        The emulated machine runs TFLite files that are not compiled for an NPU and have one image
        input and one output.

        Raises:
            ModelError: the file is damaged, or has no edge-imgq metadata.
        """
        if not is_run_by(path, NAME):
            return "the emulated processor has LiteRT alone"
        return npu_file.refusal(path) or one_input.refusal(path)

    def open(self, path: Path, threads: int) -> DeviceSession:
        """Open a file in LiteRT under emulation; the caller closes the session.

        Args:
            path: a .tflite file that edge-imgq wrote.
            threads: CPU threads.

        Raises:
            ModelError: the file is damaged.
            DeviceError: the emulated process ended.
            RuntimeUnavailableError: LiteRT is not installed in the emulated system.
        """
        package = Path(__file__).resolve().parents[3]
        scratch = tempfile.TemporaryDirectory(prefix="edge-imgq-")
        folder = Path(scratch.name)
        write_system(self._core, self._emulation.root, folder / "system")
        processor = CORES[self._core].emulated
        command = self._emulation.command(WORKER, package, processor, folder)
        worker = Worker("the emulated Arm processor", command)
        return EmulatedArmSession(
            path, threads, worker, Emulated(self._emulation, self._core, scratch)
        )


@dataclass(frozen=True)
class Emulated:
    """The emulated machine of one session.

    Attributes:
        emulation: the emulation that was set up.
        core: a key of CORES.
        scratch: folder with the emulated system and the counts, until the session is closed.
    """

    emulation: Emulation
    core: str
    scratch: tempfile.TemporaryDirectory[str]


class EmulatedArmSession:
    """One file under emulation; implements `edge_imgq.devices.protocol.DeviceSession`."""

    resizable = False

    def __init__(self, path: Path, threads: int, worker: Worker, emulated: Emulated) -> None:
        """Open the file.

        Args:
            path: the file.
            threads: CPU threads.
            worker: emulated process.
            emulated: the machine that it runs on.
        """
        self._path, self._worker, self._emulated = path, worker, emulated
        try:
            here = open_session(path)
            question = {"do": "open", "path": str(path.absolute()), "threads": threads}
            self._opened: dict[str, Any] = worker.ask(question)[0]
        except BaseException:
            self.close()
            raise
        self.note = here.note
        side = tile_side(path, here.note.contract.multiple)
        self.size = (side, side) if here.resizable else here.size
        self.sizes = (self.size,) if self.size else ()
        self.is_bit_exact = computes_in_integers(path)
        identity = RuntimeIdentity(**self._opened["identity"])
        delegate = f"{identity.delegate}, {emulated.core} emulated".removeprefix(", ")
        self.identity = RuntimeIdentity(identity.name, identity.version, delegate, threads, False)

    def run(self, pixels: NDArray[uint8]) -> NDArray[uint8]:
        """Run the file on an image; return its output, uint8 (H × scale, W × scale, C).

        Int8 files return exactly what they return on this host; float outputs may differ by
        roundings, and are rounded half to even.

        Args:
            pixels: uint8 (H, W, C).

        Raises:
            DeviceError: the emulated process ended, or reported an error.
        """
        image: NDArray[uint8] = self._worker.ask({"do": "run"}, pixels)[1]
        return image

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
        """Return a `Skipped`: the time of an emulated processor means nothing. Nothing is run."""
        return Skipped("the processor is emulated, and the time of an emulator is not the phone's")

    def instructions(self, size: tuple[int, int]) -> Instructions | Skipped:
        """Count the instructions of one call on one thread, exactly and repeatably.

        Args:
            size: height and width of the input in pixels.

        Returns:
            The count, or why there is none: an emulator without the plugin, or several threads.

        Raises:
            DeviceError: the emulated process ended.
        """
        if absent := self._uncounted():
            return absent
        self._worker.ask({"do": "count", "size": size})
        count = read_count(Path(self._emulated.scratch.name, "log"))
        return Instructions(count, size, self._emulated.core, str(self.identity))

    def operators(self, size: tuple[int, int]) -> OperatorCosts | Skipped:
        """Measure instructions, bytes and estimated cycles of each operator of one call.

        In a process of its own, which may take minutes.

        Args:
            size: height and width of the input in pixels.

        Returns:
            The costs, or why there are none: an emulator without the plugin, or several threads.

        Raises:
            DeviceError: the file did not run, or llvm-mca failed.
            ModelError: the file is damaged.
        """
        if absent := self._uncounted():
            return absent
        return record_operators(self._emulated.emulation, self._emulated.core, self._path, size)

    def _uncounted(self) -> Skipped | None:
        """Return why nothing can be counted, or None."""
        if not self._emulated.emulation.emulator.plugin:
            return Skipped(f"the emulator does not count; set it up again: `{SET_UP}`")
        if self.identity.threads != 1:
            return Skipped("instructions are counted on one thread only (--threads 1)")
        return None

    def placement(self) -> Placement | Skipped:
        """Return how many operators XNNPACK runs in the emulated machine, and which it does not.

        A `Skipped` if LiteRT runs there without XNNPACK.
        """
        fields = self._opened["placement"]
        if fields is None:
            return Skipped(f"{self.identity.name} runs every operator on the processor")
        return Placement(**{**fields, "fallback": tuple(fields["fallback"])})

    def close(self) -> None:
        """End the emulated process and remove its files; the session cannot be used afterwards."""
        self._worker.close()
        self._emulated.scratch.cleanup()


def find(argument: str, options: DeviceOptions) -> Device | Skipped:  # noqa: ARG001
    """Return an Arm processor as a device: this host's own, or an emulated one; or why neither.

    Args:
        argument: name of an emulated core, a key of CORES; "" for this host if it is an Arm
            machine, else "cortex-a76" (DEFAULT).
        options: unused.

    Raises:
        UsageError: the core is unknown.
    """
    if argument:
        core_named(argument)
    if platform.machine().lower() in ARM:
        if not argument:
            return NativeArm()
        return Skipped("this host is an Arm machine, and runs files on its own cores (arm64)")
    emulation = read_emulation(cache_folder())
    return EmulatedArm(emulation, argument) if emulation else Skipped(look()[0].reason)


def look() -> tuple[Presence, ...]:
    """Return one row that says if this host is an Arm machine or has the emulation set up."""
    if platform.machine().lower() in ARM:
        return (Presence("arm64", True, f"this host is {platform.machine()}"),)
    emulation = read_emulation(cache_folder())
    if emulation:
        tools = find_llvm_mca()
        advice = f"{tools.reason}." if isinstance(tools, Skipped) else ""
        return (Presence("arm64", True, f"emulated by {emulation.emulator.command[-1]}", advice),)
    if reason := cannot_be_set_up():
        return (Presence("arm64", False, reason),)
    return (Presence("arm64", False, "the emulation is not set up", f"Run `{SET_UP}`."),)


def tile_side(path: Path, multiple: int) -> int:
    """Return the side in input pixels of the square tile that a file of any size runs on.

    It is 96 (TILE), or the diameter of the receptive field if that is known and larger, rounded up
    to a multiple of `multiple`.

    Args:
        path: exported file. The receptive field is read from the float reference beside it.
        multiple: pixels of which the side must be a multiple.
    """
    reference, side = float_reference(path), TILE
    if reference.is_file():
        import onnx_ir as ir

        from edge_imgq.graph.receptive_field.receptive_field import receptive_field

        side = max(TILE, receptive_field(ir.load(reference)).diameter or TILE)
    return side + -side % multiple
