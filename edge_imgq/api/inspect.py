"""`edge_imgq.inspect`: list the inputs, outputs, operators and costs of a file."""

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
    Range,
    Size,
    as_ports,
    as_range,
    as_size,
    unwatched,
)
from edge_imgq.api.shown import ShownAsText
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from edge_imgq.report.description import FileDescription


@dataclass(frozen=True)
class Inspection(ShownAsText):
    """Contents and costs of a file.

    Attributes:
        path: path of the file.
        description: inputs, outputs, operators, parameters, multiply-accumulates, memory in bytes,
            which accelerator runs which operator, and, of a float .onnx model, its contract.
    """

    path: Path
    description: FileDescription = field(repr=False)

    @property
    def exports(self) -> dict[str, tuple[str, ...]] | Skipped:
        """Target → reasons why `export` cannot write it here; no reasons if it can.

        Only for a float .onnx model; empty for other files. A `Skipped` if `export` refuses the
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
        """Return the table that the command line prints.

        Args:
            operators: True to list every operator.
        """
        from edge_imgq.report.description_table import description_table

        return description_table(str(self.path), self.description, operators)

    def write_overlay(self, folder: AnyPath) -> tuple[Path, ...]:
        """Write per-operator figures as JSON files that Model Explorer overlays on the graph.

        Args:
            folder: folder for one file per figure: multiply-accumulates; and, if `sensitivity` was
                run on the same model, dB, error and time of each layer.

        Returns:
            Paths of the written files.

        Raises:
            UsageError: the file is neither .tflite nor .onnx.
            OutputError: the folder cannot be written.
        """
        from edge_imgq.pipeline.sensitivity.model_explorer_overlay import write_overlay

        return write_overlay(self.path, self.description, Path(folder)).files


def inspect(
    path: AnyPath,
    *,
    size: Size | None = None,
    passes: bool = False,
    pixel_range: Range | None = None,
    output_name: str | Sequence[str] = "",
    inputs: Inputs = (),
    bind: Bound = NOTHING_BOUND,
    states: Sequence[str] = (),
    progress: Progress | None = None,
) -> Inspection:
    """List a file's inputs, outputs, operators and costs; of a float model, how `export` takes it.

    Args:
        path: file written by `export`, any .onnx file, or a result of `export`.
        size: input (height, width) for costs and targets of an ONNX file; None for the file's own,
            or (180, 320) if it takes any.
        passes: True to list the passes that rewrite a float model's graph for each target.
        pixel_range: as for `open`, for an ONNX file that does not state it.
        output_name: as for `open`, for an ONNX file.
        inputs: as for `open`.
        bind: as for `open`.
        states: as for `open`.
        progress: called before each step.

    Raises:
        UsageError: the path is a folder or a file of another format, or `passes` is True for a file
            without passes.
        ModelError: the file is missing or damaged, or does not take the size.
    """
    from edge_imgq.pipeline.inspect import inspect as run

    wanted = None if size is None else as_size(size)
    place = Path(path)
    pixels, ports = as_range(pixel_range), as_ports(output_name, inputs, bind, states)
    found = run(place, wanted, progress or unwatched, passes=passes, pixels=pixels, ports=ports)
    return Inspection(place, found)
