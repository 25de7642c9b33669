"""What files take on emulated Arm cores, each counted once."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from benchmarks.conversion import sentence
from benchmarks.converters import report
from benchmarks.phone_table import Cost
from edge_imgq.artifact import sha256_of
from edge_imgq.devices.arm64.cores import CORES
from edge_imgq.devices.arm64.llvm_mca import find_llvm_mca
from edge_imgq.devices.arm64.operator_costs import OperatorCosts
from edge_imgq.devices.arm64.recording import OperatorRecorder
from edge_imgq.devices.arm64.setup import RECORD, Emulation
from edge_imgq.errors import EdgeImgqError
from edge_imgq.skipped import Skipped


class PhoneCounts:
    """Counts files, and keeps the figures by what a file holds.

    A file that is written again with the same bytes is not run again, whatever code wrote it. Each
    core's emulated system starts with the first file that was not counted before.
    """

    def __init__(self, emulation: Emulation, folder: Path) -> None:
        """Keep figures of an emulation in a folder."""
        self._emulation = emulation
        self._folder = folder
        self._recorders: dict[str, OperatorRecorder] = {}
        self._open = ExitStack()

    def __enter__(self) -> PhoneCounts:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the emulated systems."""
        self._open.close()

    def cost(self, core: str, file: Path) -> Cost | Skipped:
        """Return what one call of a file takes on a core, or why it does not run there."""
        kept = self._kept(core, file)
        if kept.exists():
            return Cost(**json.loads(kept.read_text()))
        report(f"{file.parent.name}/{file.name} on {core}")
        try:
            if core not in self._recorders:
                recorder = OperatorRecorder(self._emulation, core)
                self._recorders[core] = self._open.enter_context(recorder)
            cost = _sum(self._recorders[core].record(file, None))
        except EdgeImgqError as error:
            self._recorders.pop(core, None)  # its system may have ended with the file
            return Skipped(sentence(str(error)))
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(asdict(cost)))
        return cost

    def _kept(self, core: str, file: Path) -> Path:
        """Return where a figure is kept; the name changes with the file, the tools and the core."""
        tools = find_llvm_mca()
        version = tools.reason if isinstance(tools, Skipped) else tools.version
        with_what = (self._emulation.folder / RECORD).read_text() + version + repr(CORES[core])
        digest = hashlib.sha256(with_what.encode()).hexdigest()[:12]
        return self._folder / f"{sha256_of(file)[:16]}-{core}-{digest}.json"


def _sum(costs: OperatorCosts) -> Cost:
    slowest = max(costs.operators, key=lambda row: row.cycles or row.instructions)
    share = (slowest.cycles or slowest.instructions) / (costs.total_cycles or costs.instructions)
    words = f"{slowest.operator} {slowest.kernel} {share:.0%}".strip()
    return Cost(costs.instructions, costs.total_cycles, costs.memory_bytes, words)
