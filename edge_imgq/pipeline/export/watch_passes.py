"""Write and check graphs after each phase of passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import write_bytes

if TYPE_CHECKING:
    import onnx_ir as ir

    from edge_imgq.graph.pass_pipeline import PhaseRecord, Watcher


@dataclass(frozen=True)
class BetweenPhases:
    """Actions after each phase.

    Attributes:
        folder: folder for `<targets>/<number>-<phase>.onnx`; targets with the same passes share a
            folder, and 00 is the graph before all phases. None to write nothing.
        checked: True to compare shapes and types with those that ONNX infers.
    """

    folder: Path | None = None
    checked: bool = False

    def watcher(self, model: ir.Model, targets: Sequence[str]) -> Watcher | None:
        """Return a function to call after each phase; None if there is nothing to do.

        If a folder is set, graphs are written there as `<targets>/NN-<phase>.onnx`, target names
        joined by "+": `model` as `00-read.onnx`, then the phases from 01.

        Args:
            model: graph before the first phase.
            targets: names of the targets whose graph it is.

        Raises:
            OutputError: the folder cannot be written.
        """
        if self.folder is None and not self.checked:
            return None
        folder = None if self.folder is None else self.folder / "+".join(targets)
        return _Watching(folder, self.checked, model)


class _Watching:
    """Writes and checks the graph after each phase, numbered from 1."""

    def __init__(self, folder: Path | None, checked: bool, model: ir.Model) -> None:
        self._folder, self._checked, self._number = folder, checked, 0
        self._write("read", model)

    def __call__(self, record: PhaseRecord, model: ir.Model) -> None:
        self._number += 1
        self._write(record.phase, model)
        if self._checked:
            from edge_imgq.graph.graph_check import check_graph

            check_graph(model, record.phase)

    def _write(self, phase: str, model: ir.Model) -> None:
        if self._folder is None:
            return
        import onnx_ir as ir

        from edge_imgq.graph.shapes.shape_inference import infer_shapes

        proto = infer_shapes(ir.to_proto(model))
        contents = proto.SerializeToString(deterministic=True)
        write_bytes(self._folder / f"{self._number:02}-{phase}.onnx", contents)
