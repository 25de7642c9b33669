"""The phone's processor: Arm kernels, natively on an Arm host, else under user-mode emulation.

Int8 kernels must return what they return on this host, to the bit. Float kernels add in another
order, and may differ by a rounding. An emulator's time says nothing about a processor's.
"""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from edge_imgq.artifact import float_reference
from edge_imgq.devices.arm64_setup import (
    PROCESSOR,
    cache_folder,
    cannot_be_set_up,
    read_emulation,
)
from edge_imgq.devices.gray import on_gray
from edge_imgq.devices.host import WORKER, HostDevice
from edge_imgq.devices.instructions import Instructions, read_count
from edge_imgq.devices.options import DeviceOptions
from edge_imgq.devices.protocol import RUNS, WARM_UP, Device, DeviceSession, Presence
from edge_imgq.devices.worker import Worker
from edge_imgq.formats import is_run_by
from edge_imgq.runtime.open import open_session
from edge_imgq.runtime.protocol import Placement, RuntimeIdentity
from edge_imgq.runtime.tflite_file import computes_in_integers
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

    from edge_imgq.devices.arm64_setup import Emulation
    from edge_imgq.devices.latency import Latency

ARM = frozenset({"aarch64", "arm64"})
SET_UP = "edge-imgq doctor --set-up arm64"
TILE = 96
"""Side of the tile that a file of any size runs on under emulation, unless it sees farther."""


class NativeArm(HostDevice):
    """This host, where it is an Arm machine."""

    name = "arm64"


class EmulatedArm:
    """LiteRT for Arm under emulation; satisfies `edge_imgq.devices.protocol.Device`."""

    name = "arm64"

    def __init__(self, emulation: Emulation) -> None:
        self._emulation = emulation

    def refusal(self, path: Path) -> str:
        """Return why a file is not run: the emulated machine has LiteRT alone."""
        return "" if is_run_by(path, self.name) else "the emulated processor has LiteRT alone"

    def open(self, path: Path, threads: int) -> DeviceSession:
        """Open a file in LiteRT under emulation.

        Raises:
            ModelError: the file is not whole.
            DeviceError: the emulated process ended.
        """
        package = Path(__file__).resolve().parents[2]
        log = tempfile.NamedTemporaryFile(prefix="edge-imgq-", suffix=".log")  # noqa: SIM115
        command = self._emulation.command(WORKER, package, Path(log.name))
        worker = Worker("the emulated Arm processor", command)
        counted = log if self._emulation.emulator.plugin else None
        return EmulatedSession(path, threads, worker, counted)


class EmulatedSession:
    """One file under emulation; satisfies `edge_imgq.devices.protocol.DeviceSession`."""

    resizable = False

    def __init__(
        self, path: Path, threads: int, worker: Worker, log: IO[bytes] | None = None
    ) -> None:
        """Open the file.

        Args:
            path: of it.
            threads: processor threads.
            worker: a process under emulation.
            log: that the emulator writes counts to; None where it does not count.
        """
        self._worker, self._log = worker, log
        try:
            here = open_session(path)
            question = {"do": "open", "path": str(path.absolute()), "threads": threads}
            self._opened: dict[str, Any] = worker.ask(question)[0]
        except BaseException:
            worker.close()
            raise
        self.note = here.note
        side = _side(path, here.note.contract.multiple)
        self.size = (side, side) if here.resizable else here.size
        self.sizes = (self.size,) if self.size else ()
        self.is_bit_exact = computes_in_integers(path)
        identity = RuntimeIdentity(**self._opened["identity"])
        delegate = f"{identity.delegate}, {self._opened['machine']} emulated".removeprefix(", ")
        self.identity = RuntimeIdentity(identity.name, identity.version, delegate, threads, False)

    def run(self, pixels: NDArray[uint8]) -> NDArray[uint8]:
        """Return the output image; see `edge_imgq.runtime.protocol.Session`."""
        image: NDArray[uint8] = self._worker.ask({"do": "run"}, pixels)[1]
        return image

    def prepare(self, size: tuple[int, int]) -> Callable[[], None]:
        """Return a call that runs the file once."""
        return on_gray(self, size)

    def latency(
        self,
        size: tuple[int, int],  # noqa: ARG002
        runs: int = RUNS,  # noqa: ARG002
        warm_up: int = WARM_UP,  # noqa: ARG002
    ) -> Latency | Skipped:
        """Return that there is no honest time."""
        return Skipped("the processor is emulated, and the time of an emulator is not the phone's")

    def instructions(self, size: tuple[int, int]) -> Instructions | Skipped:
        """Return how many instructions one call takes."""
        if self._log is None:
            return Skipped(f"the emulator does not count; set it up again: `{SET_UP}`")
        if self.identity.threads != 1:
            return Skipped("instructions are counted on one thread alone (--threads 1)")
        self._worker.ask({"do": "count", "size": size})
        count = read_count(Path(self._log.name))
        return Instructions(count, size, PROCESSOR, str(self.identity))

    def placement(self) -> Placement | Skipped:
        """Return what XNNPACK takes there."""
        fields = self._opened["placement"]
        if fields is None:
            return Skipped(f"{self.identity.name} runs every operator on the processor")
        return Placement(**{**fields, "fallback": tuple(fields["fallback"])})

    def close(self) -> None:
        """End the emulated process."""
        self._worker.close()
        if self._log is not None:
            self._log.close()


def find(argument: str, options: DeviceOptions) -> Device | Skipped:  # noqa: ARG001
    """Return an Arm processor, or why there is none."""
    if argument:
        return Skipped(f"there is one Arm processor, so 'arm64:{argument}' is none")
    if platform.machine().lower() in ARM:
        return NativeArm()
    emulation = read_emulation(cache_folder())
    return EmulatedArm(emulation) if emulation else Skipped(look()[0].reason)


def look() -> tuple[Presence, ...]:
    """Return whether this host is an Arm machine, or the emulation is set up."""
    if platform.machine().lower() in ARM:
        return (Presence("arm64", True, f"this host is {platform.machine()}"),)
    emulation = read_emulation(cache_folder())
    if emulation:
        return (Presence("arm64", True, f"emulated by {emulation.emulator.command[-1]}"),)
    if reason := cannot_be_set_up():
        return (Presence("arm64", False, reason),)
    return (Presence("arm64", False, "the emulation is not set up", f"Run `{SET_UP}`."),)


def _side(path: Path, multiple: int) -> int:
    """Return the side of the tile that a file runs on: no less than what its network sees."""
    reference, side = float_reference(path), TILE
    if reference.is_file():
        import onnx_ir as ir

        from edge_imgq.graph.receptive_field import receptive_field

        side = max(TILE, receptive_field(ir.load(reference)).diameter or TILE)
    return side + -side % multiple
