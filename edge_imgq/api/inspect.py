"""`edge_imgq.inspect`: what a file consists of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.api.arguments import (
    NOTHING_BOUND,
    AnyPath,
    Bound,
    Inputs,
    Progress,
    Size,
    as_ports,
    as_size,
    unwatched,
)
from edge_imgq.api.shown import ShownAsText
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from edge_imgq.report.description import FileDescription


@dataclass(frozen=True)
class Inspection(ShownAsText):
    """What a file consists of.

    Attributes:
        path: of the file.
        description: inputs, outputs, operators, parameters, multiply-accumulates, memory, and
            which accelerator takes which operator.
    """

    path: Path
    description: FileDescription = field(repr=False)

    @property
    def exports(self) -> dict[str, tuple[str, ...]] | Skipped:
        """Targets, each with the reasons why `export` cannot write it here: none where it can.

        Of a float .onnx model; empty for other files. A `Skipped` says why `export` refuses the
        model itself.
        """
        found = self.description.targets
        if isinstance(found, Skipped):
            return found
        return {
            row.target: (
                *(f"{one.operator}: {one.reason}" for one in row.refused),
                *row.missing,
                *([row.package] if row.package else []),
            )
            for row in found
        }

    def __str__(self) -> str:
        """Return the table that the command line prints."""
        return self.text()

    def text(self, *, operators: bool = False) -> str:
        """Return the table that the command line prints, with every operator if wanted."""
        from edge_imgq.report.description_table import description_table

        return description_table(str(self.path), self.description, operators)

    def write_overlay(self, folder: AnyPath) -> tuple[Path, ...]:
        """Write figures of the operators as Model Explorer lays them over a graph.

        Args:
            folder: gets a JSON file for each figure: multiply-accumulates; and dB, error and time
                of the layers, where `sensitivity` was run on the same model.

        Raises:
            UsageError: the file is neither .tflite nor .onnx.
        """
        from edge_imgq.pipeline.sensitivity.model_explorer_overlay import write_overlay

        return write_overlay(self.path, self.description, Path(folder)).files


def inspect(
    path: AnyPath,
    *,
    size: Size | None = None,
    passes: bool = False,
    output_name: str | Sequence[str] = "",
    inputs: Inputs = (),
    bind: Bound = NOTHING_BOUND,
    states: Sequence[str] = (),
    progress: Progress | None = None,
) -> Inspection:
    """Read what a file consists of, and which targets `export` can write of a float model.

    Args:
        path: a file that `export` wrote, anyone's .onnx file, or a result of an export.
        size: height and width to count at and to ask the targets about, for an ONNX file; None
            for its own, or the usual 180 × 320 where it takes any.
        passes: whether to tell which passes rewrite a float model's graph for each target.
        output_name: as for `open`, of an ONNX file.
        inputs: likewise.
        bind: likewise.
        states: likewise.
        progress: called with every step before it begins.

    Raises:
        UsageError: it is a folder, or a file of another format; passes are asked for of a file
            that none goes through.
        ModelError: it is missing or damaged, or does not fit the size.
    """
    from edge_imgq.pipeline.inspect import inspect as run

    wanted = None if size is None else as_size(size)
    place = Path(path)
    ports = as_ports(output_name, inputs, bind, states)
    found = run(place, wanted, progress or unwatched, passes=passes, ports=ports)
    return Inspection(place, found)
