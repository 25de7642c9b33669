"""Qualcomm's Hexagon NPU (HTP): the real one where the machine has it, else Qualcomm's emulator.

The package onnxruntime-qnn for Linux x86-64 carries the library that compiles graphs for the HTP of
a named chip, and an emulator of it. So the numerics of the NPU and every operator that it would
refuse are known without a phone; its time is not, and is never reported.

Emulation is slow, so a file whose height and width are open runs on one tile of each image.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.devices import one_input
from edge_imgq.devices.instructions import Uncounted
from edge_imgq.devices.latency import Latency
from edge_imgq.devices.options import DeviceOptions
from edge_imgq.devices.protocol import RUNS, WARM_UP, Device, DeviceSession, Presence
from edge_imgq.devices.warmup_call import on_gray
from edge_imgq.errors import UnsupportedOperatorError, UsageError
from edge_imgq.formats import is_run_by
from edge_imgq.images.layout import from_nchw, to_nchw
from edge_imgq.runtime import npu_file
from edge_imgq.runtime.protocol import Placement, RuntimeIdentity
from edge_imgq.runtime.worker import Worker
from edge_imgq.skipped import Skipped
from edge_imgq.wording import no_such

if TYPE_CHECKING:
    import onnx
    from numpy import uint8
    from numpy.typing import NDArray

    from edge_imgq.contract import FileNote

PACKAGE = "onnxruntime-qnn"
WORKER = "edge_imgq.devices.hexagon.worker"
TILE = 96
"""Side in pixels of the tile for files of open size; the receptive field if that is larger."""


@dataclass(frozen=True)
class Soc:
    """A chip with its QNN numbers.

    Attributes:
        name: Qualcomm's product name.
        soc_model: QNN's number (QNN_SOC_MODEL_* of its QnnTypes.h).
        arch: version of the Hexagon architecture.
    """

    name: str
    soc_model: int
    arch: int


SOCS: dict[str, Soc] = {
    "sm8450": Soc("Snapdragon 8 Gen 1", 36, 69),
    "sm8475": Soc("Snapdragon 8+ Gen 1", 42, 69),
    "sm8550": Soc("Snapdragon 8 Gen 2", 43, 73),
    "sm8650": Soc("Snapdragon 8 Gen 3", 57, 75),
    "sm8635": Soc("Snapdragon 8s Gen 3", 68, 73),
    "sm8735": Soc("Snapdragon 8s Gen 4", 85, 79),
    "sm8750": Soc("Snapdragon 8 Elite", 69, 79),
    "sm8850": Soc("Snapdragon 8 Elite Gen 5", 87, 81),
}
"""Chips by model, from ExecuTorch's table of QNN's numbers (backends/qualcomm, qc_schema.py)."""

DEFAULT_SOC = "sm8750"


class HexagonDevice:
    """The HTP of one chip; implements `edge_imgq.devices.protocol.Device`."""

    def __init__(self, model: str) -> None:
        self.name = f"hexagon:{model}"
        self._soc = SOCS[model]

    def refusal(self, path: Path) -> str:
        """Return why the HTP does not run a file, as a clause; "" if it does.

        It runs quantized (QDQ) ONNX files, of edge-imgq or of others.

        Raises:
            UsageError: the file does not exist.
            ModelError: the file is damaged.
        """
        if not is_run_by(path, "hexagon"):
            return npu_file.refusal(path) or "the HTP is given ONNX files here; use onnx-int8.onnx"
        from edge_imgq.contract import note_in
        from edge_imgq.graph.load.load import read_onnx

        pairs = {entry.key: entry.value for entry in read_onnx(path).metadata_props}
        note = note_in(pairs, str(path))
        if note is not None and not note.quantized_sha256:
            return "it is a float file, and the HTP computes in integers; use onnx-int8.onnx"
        return one_input.refusal(path) if note is not None else ""

    def open(self, path: Path, threads: int) -> DeviceSession:  # noqa: ARG002
        """Compile a whole file for the HTP, at its own size or that of a tile.

        The caller closes the session.

        Args:
            path: a quantized ONNX file, of edge-imgq or of others.
            threads: unused.

        Raises:
            ModelError: the file is damaged.
            UnsupportedOperatorError: the HTP refuses operators; the message names all nodes.
            DeviceError: the compiler crashed.
            UsageError: the file does not exist.
        """
        from edge_imgq.graph.load.load import read_onnx

        model = read_onnx(path)
        return HexagonSession(path, model, _note(path, model), self._soc)


class HexagonSession(Uncounted):
    """One file on the HTP; implements `edge_imgq.devices.protocol.DeviceSession`."""

    resizable = False
    is_bit_exact = False

    def __init__(self, path: Path, model: onnx.ModelProto, note: FileNote, soc: Soc) -> None:
        self.note = note
        self.size, bound = _bound(model, note)
        self.sizes = (self.size,)
        self._soc = soc
        self._worker = Worker("the Hexagon compiler", [sys.executable, "-m", WORKER])
        try:
            self._opened = self._open(path, bound)
        except BaseException:
            self._worker.close()
            raise
        unit = f"HTP v{soc.arch} of {soc.name}"
        self._unit = f"{unit}, emulated" if self._opened["emulated"] else unit
        self.identity = RuntimeIdentity(
            "ONNX Runtime QNN",
            self._opened["version"],
            self._unit,
            threads=0,
            is_device_runtime=not self._opened["emulated"],
        )

    def run(self, pixels: NDArray[uint8]) -> NDArray[uint8]:
        """Run the file on an image; return its output, uint8 (H × scale, W × scale, C).

        The output is rounded half to even and clipped; the HTP's integers are not this host's.

        Args:
            pixels: uint8 (H, W, C) of the compiled size.

        Raises:
            DeviceError: the worker ended.
            NonFiniteOutputError: the output holds NaN or infinity.
        """
        peak = self.note.contract.peak
        _, values = self._worker.ask({"do": "run"}, to_nchw(pixels, peak))
        return from_nchw(values, peak)

    def prepare(self, size: tuple[int, int]) -> Callable[[], None]:
        """Return a function that runs the file once on a gray image of (height, width) pixels.

        It raises what `run` raises.
        """
        return on_gray(self, size)

    def latency(
        self, size: tuple[int, int], runs: int = RUNS, warm_up: int = WARM_UP
    ) -> Latency | Skipped:
        """Time calls on the HTP hardware by the wall clock, in ms; a `Skipped` on the emulator.

        Args:
            size: height and width of the input in pixels.
            runs: number of timed calls.
            warm_up: untimed calls before.

        Raises:
            UsageError: the file was compiled for another size.
            DeviceError: the worker ended.
        """
        if self._opened["emulated"]:
            return Skipped("the HTP is emulated, and the time of an emulator is not the phone's")
        if size != self.size:
            raise UsageError(f"The file was compiled for {self.size}, not {size}.")
        milliseconds = np.array(self.measure_times(runs, warm_up)) * 1e3
        median, p90, p95 = (float(np.percentile(milliseconds, share)) for share in (50, 90, 95))
        return Latency(
            min_ms=float(milliseconds.min()),
            median_ms=median,
            p90_ms=p90,
            p95_ms=p95,
            noise=Skipped("it was timed in one round"),
            init_ms=Skipped("compiling was not timed"),
            memory_mb=Skipped("the HTP does not say"),
            runs=len(milliseconds),
            left_out=0,
            warm_up=warm_up,
            loop_ms=Skipped("the NPU runs no fixed loop beside"),
            threads=0,
            size=size,
            device=self._soc.name,
            runtime=str(self.identity),
            delegate=self._unit,
            thermal=Skipped("the HTP does not say"),
            conditions="load not known",
        )

    def placement(self) -> Placement | Skipped:
        """Return that the HTP runs all operators, with their number and that of the partitions.

        Files with refused operators are not opened.
        """
        count = len(self._opened["accepted"])
        return Placement(self._unit, count, count, self._opened["partitions"], ())

    def close(self) -> None:
        """End the worker process; the session cannot be used afterwards."""
        self._worker.close()

    def measure_times(self, runs: int, warm_up: int) -> list[float]:
        """Return the wall-clock time in s of each of `runs` calls on a gray image.

        `warm_up` untimed calls come before.

        Raises:
            DeviceError: the worker ended.
        """
        shape = (1, self.note.contract.channels, *self.size)
        gray = np.full(shape, self.note.contract.peak / 2, np.float32)
        answer, _ = self._worker.ask({"do": "time", "runs": runs, "warm_up": warm_up}, gray)
        seconds: list[float] = answer["seconds"]
        return seconds

    def _open(self, path: Path, model: bytes) -> dict[str, Any]:
        question = {"do": "open", "soc_model": self._soc.soc_model, "arch": self._soc.arch}
        answer, _ = self._worker.ask(question, np.frombuffer(model, np.uint8))
        if answer["refused"]:
            named = "; ".join(f"{kind} (node '{node}')" for kind, node in answer["refused"])
            raise UnsupportedOperatorError(
                f"The HTP v{self._soc.arch} of {self._soc.name} does not take all of {path.name}: "
                f"it refuses {named}."
            )
        return answer


def find(argument: str, options: DeviceOptions) -> Device | Skipped:  # noqa: ARG001
    """Return the HTP of a chip as a device, real or emulated, or why it is unavailable.

    Args:
        argument: model of the chip, a key of SOCS in any case; "" for "sm8750".
        options: unused.

    Raises:
        UsageError: the chip is unknown.
    """
    model = argument.lower() or DEFAULT_SOC
    if model not in SOCS:
        raise UsageError(no_such("Hexagon chip", argument, SOCS))
    presence = look()[0]
    return HexagonDevice(model) if presence.is_available else Skipped(presence.reason)


def look() -> tuple[Presence, ...]:
    """Return one row that says if the package with the HTP's compiler and emulator is installed."""
    if find_spec("onnxruntime_qnn") is None:
        return (
            Presence(
                "hexagon",
                False,
                f"{PACKAGE} is not installed",
                "pip install 'onnxruntime-qnn>=2.7,<3' (Linux x86-64 with glibc 2.35, or Windows)",
            ),
        )
    try:
        installed = version(PACKAGE)
    except PackageNotFoundError:
        installed = "of unknown version"
    return (Presence("hexagon", True, f"{PACKAGE} {installed}; chips {', '.join(SOCS)}"),)


def _note(path: Path, model: onnx.ModelProto) -> FileNote:
    """Return a file's metadata, or the contract derived from the shapes of any other model.

    Raises:
        ModelError: it has no image input or output.
    """
    import onnx_ir as ir

    from edge_imgq.contract import FileNote, note_in
    from edge_imgq.graph.pixels import contract_of
    from edge_imgq.version import __version__

    own = note_in({entry.key: entry.value for entry in model.metadata_props}, str(path))
    if own is not None:
        return own
    contract = contract_of(ir.from_proto(model), str(path), 1.0)
    return FileNote(path.stem, "onnx-int8", contract, __version__)


def _bound(model: onnx.ModelProto, note: FileNote) -> tuple[tuple[int, int], bytes]:
    """Return a model's own size or that of a tile, and the model bound to it, serialised."""
    import onnx_ir as ir

    from edge_imgq.graph.receptive_field.receptive_field import receptive_field
    from edge_imgq.graph.shapes.size import bind_size, own_size

    graph = ir.from_proto(model)
    side = max(TILE, receptive_field(graph).diameter or TILE)
    side += -side % note.contract.multiple
    size = own_size(graph) or (side, side)
    return size, ir.to_proto(bind_size(graph, size)).SerializeToString()
