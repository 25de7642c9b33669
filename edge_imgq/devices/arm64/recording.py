"""Measures each operator of a .tflite file on a named Arm core, under emulation."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from edge_imgq.devices.arm64.cores import CORES, write_system
from edge_imgq.devices.arm64.llvm_mca import MODELS, LlvmMca, estimate_cycles, find_llvm_mca
from edge_imgq.devices.arm64.operator_costs import OperatorCosts
from edge_imgq.devices.arm64.operator_record import OperatorRecord, read_record, write_order
from edge_imgq.devices.arm64.operators import joined, operator_costs, read_library
from edge_imgq.devices.arm64.setup import Emulation
from edge_imgq.runtime.tflite_file import operator_names
from edge_imgq.runtime.worker import Worker
from edge_imgq.skipped import Skipped

WORKER = "edge_imgq.devices.arm64.operator_worker"
PATIENCE = 7200.0
"""Time limit of a recording in s; each memory access passes through the cache model."""

IN_ORDER = "in order: rank nothing by less than a third, nor int8 beside float"


def record_operators(
    emulation: Emulation, core: str, path: Path, size: tuple[int, int] | None
) -> OperatorCosts:
    """Run one file as `OperatorRecorder.record` does, in an emulated system of its own.

    Args:
        emulation: emulation with the recording plugin.
        core: name of the core, a key of CORES.
        path: any .tflite file.
        size: height and width of the input in pixels; None for the file's own.

    Raises:
        DeviceError: the file did not run, or llvm-mca failed.
        ModelError: the file is damaged.
    """
    with OperatorRecorder(emulation, core) as recorder:
        return recorder.record(path, size)


class OperatorRecorder:
    """One emulated core that records any number of files, one after the other.

    Its system starts once, which takes longer than a small file. Each file runs in a fork of the
    process that has just loaded LiteRT, so it takes what it takes alone.
    """

    def __init__(self, emulation: Emulation, core: str) -> None:
        """Start the emulated system.

        Args:
            emulation: emulation with the recording plugin.
            core: name of the core, a key of CORES.

        Raises:
            DeviceError: the emulated system does not start.
        """
        self._core = core
        self._library = read_library(emulation.site)
        self._scratch = tempfile.TemporaryDirectory(prefix="edge-imgq-")
        folder = Path(self._scratch.name)
        write_system(core, emulation.root, folder / "system")
        package = Path(__file__).resolve().parents[3]
        self._worker = Worker(
            "the emulated Arm processor",
            emulation.command(WORKER, package, CORES[core].emulated, folder),
        )
        try:
            self._begin(folder)
        except BaseException:
            self.close()
            raise

    def _begin(self, folder: Path) -> None:
        loaded = self._worker.ask({"do": "begin"})[0]
        self._base = loaded["library"]
        beginnings = [self._base + beginning.address for beginning in self._library.beginnings]
        levels = [(cache.bytes, cache.ways) for cache in CORES[self._core].caches]
        write_order(folder, beginnings, tuple(loaded["program"]), levels)

    def __enter__(self) -> OperatorRecorder:
        """Return the recorder itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the emulated system."""
        self.close()

    def close(self) -> None:
        """End the emulated system and remove its files; nothing can be recorded afterwards."""
        self._worker.close()
        self._scratch.cleanup()

    def record(self, path: Path, size: tuple[int, int] | None) -> OperatorCosts:
        """Run a file under emulation on one thread and return the costs of each operator.

        Instructions and bytes are exact, cache misses those of a model, cycles estimated by
        llvm-mca if it is installed. A call warms the caches before. It is given two hours
        (PATIENCE).

        Args:
            path: any .tflite file.
            size: height and width of the input in pixels; None for the file's own.

        Raises:
            DeviceError: the file did not run, or llvm-mca failed.
            ModelError: the file is damaged.
        """
        question = {"do": "record", "path": str(path.absolute()), "size": size}
        ran = self._worker.ask(question, patience=PATIENCE)[0]
        record = joined(read_record(Path(self._scratch.name)), self._library)
        tools = find_llvm_mca()
        cycles = _cycles(tools, self._core, record)
        caches = CORES[self._core].caches
        names = operator_names(path)
        return OperatorCosts(
            self._core,
            tuple(ran["size"]),
            f"{ran['runtime']} ({self._core} emulated)",
            tuple(cache.bytes for cache in caches),
            CORES[self._core].chip,
            tools if isinstance(tools, Skipped) else tables(tools, self._core),
            operator_costs(record, self._library, self._base, names, cycles, len(caches)),
        )


def tables(tools: LlvmMca, core: str) -> str:
    """Describe the scheduling model with which cycles of a core are estimated, as a phrase.

    For example "llvm-mca 22.1.0, tables of Neoverse N1". `core` is a key of MODELS.
    """
    model = MODELS[core]
    order = f", {IN_ORDER}" if model.in_order else ""
    return f"llvm-mca {tools.version}, tables of {model.name}{order}"


def _cycles(tools: LlvmMca | Skipped, core: str, record: OperatorRecord) -> Sequence[int | None]:
    """Return the cycles of each span, extrapolated from its samples to all its instructions.

    They are None without llvm-mca.
    """
    if isinstance(tools, Skipped):
        return [None] * len(record.spans)
    pieces = list(dict.fromkeys(piece for span in record.spans for piece in span.pieces))
    words = {
        number: [word for block in piece for word in record.blocks[block].words]
        for number, piece in enumerate(pieces)
    }
    estimated = estimate_cycles(tools, core, words)
    estimates = {
        piece: (estimated[number], len(words[number])) for number, piece in enumerate(pieces)
    }
    cycles: list[int | None] = []
    for span in record.spans:
        took = sum(estimates[piece][0] for piece in span.pieces)
        ran = sum(estimates[piece][1] for piece in span.pieces)
        cycles.append(round(took / ran * span.instructions))
    return cycles
