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
        rows = self.description.targets
        if isinstance(rows, Skipped):
            return rows
        return {
            row.target: (
                *(f"{one.operator}: {one.reason}" for one in row.refused),
                *row.missing,
                *([row.package] if row.package else []),
            )
            for row in rows
        }

    def __str__(self) -> str:
        """Return the table that the command line prints."""
        return self.text()

    def text(self, *, operators: bool = False) -> str:
        """Return the tables that the command line prints, as lines of plain text.

        Args:
            operators: True to list every operator too.
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
    targets: str | Sequence[str] = (),
    progress: Progress | None = None,
) -> Inspection:
    """List a file's inputs, outputs, operators and costs; of a float model, how `export` takes it.

    Args:
        path: file written by `export`, any .onnx file, or a result of `export`.
        size: input (height, width) for costs and targets of an ONNX file; None for the file's own,
            or (180, 320) if it takes any.
        passes: True to list the passes that rewrite a float model's graph for each target.
        pixel_range: float value of pixel 255, or of pixels 0 and 255, as for `open`; for an ONNX
            file that does not state it.
        output_name: output to keep of an ONNX file, or several; as for `open`.
        inputs: kinds and ranges of inputs, such as "sigma=plane:0..75/255"; as for `open`.
        bind: constants for inputs other than the image, by name; as for `open`.
        states: outputs that feed an input of the next frame; as for `open`.
        targets: names of export recipes, globs such as "*-int8" or families such as "tflite": only
            these targets are asked, and the model is taken with the size and ports of their
            recipes, as by `export`; () for all targets, without what their recipes say of ports.
        progress: called before each step.

    Returns:
        Shapes and types of inputs and outputs, operators, multiply-accumulates per image, and
        memory in bytes; of a float model, also the targets that it can be exported to.

    Raises:
        UsageError: the path is a folder or a file of another format, a target is unknown, or
            `passes` or `targets` are given for a file that is not a float .onnx model.
        ModelError: the file is missing or damaged, or does not take the size.
        RecipeError: a recipe is invalid, or the recipes of `targets` choose other ports than the
            arguments.
    """
    from edge_imgq.pipeline.inspect import inspect as run

    wanted = None if size is None else as_size(size)
    file = Path(path)
    pixels, ports = as_range(pixel_range), as_ports(output_name, inputs, bind, states)
    description = run(
        file,
        wanted,
        progress or unwatched,
        passes=passes,
        pixels=pixels,
        ports=ports,
        targets=(targets,) if isinstance(targets, str) else targets,
    )
    return Inspection(file, description)
