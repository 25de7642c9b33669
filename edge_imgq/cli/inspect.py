"""`edge-imgq inspect`: what a file consists of."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.cli.options import Subparsers, add_command, add_json, size
from edge_imgq.cli.paths import existing
from edge_imgq.errors import ModelError

if TYPE_CHECKING:
    from edge_imgq.report.description import FileDescription

DETAILS = """\
Show the inputs, outputs, operators, parameters and multiply-accumulates (MACs) of a file,
.onnx (anyone's), .tflite or .mlpackage, and which accelerator takes which operator: XNNPACK as
LiteRT places it here, others by documented rules that were not run."""

EXAMPLE = """\
edge-imgq inspect artifacts/fsrcnn-x2/tflite-int8.tflite
edge-imgq inspect my.onnx --size 360x640 --operators"""


def add(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = add_command(subparsers, "inspect", "show what a file consists of", DETAILS, EXAMPLE)
    parser.add_argument("file", type=existing, metavar="FILE", help=f"{', '.join(FORMATS)}")
    parser.add_argument(
        "--size",
        type=size,
        metavar="HxW",
        help="size to count MACs at, for an ONNX file (default: its own, or 180x320 if open)",
    )
    parser.add_argument("--operators", action="store_true", help="list every operator")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Describe the file."""
    path: Path = arguments.file
    if path.suffix.lower() not in FORMATS:
        raise ModelError(f"{path} is not one of {', '.join(FORMATS)}; nothing else is known here.")
    description = FORMATS[path.suffix.lower()](path, arguments.size)
    if arguments.json:
        from edge_imgq.report.json_form import description_to_json

        print(description_to_json(description))
    else:
        from edge_imgq.report.description_table import description_table

        print(description_table(str(path), description, arguments.operators))
    return 0


def _onnx(path: Path, wanted: tuple[int, int] | None) -> FileDescription:
    from edge_imgq.export.onnx_description import describe

    return describe(path, wanted)


def _tflite(path: Path, _wanted: tuple[int, int] | None) -> FileDescription:
    from edge_imgq.export.tflite.describe import describe

    return describe(path)


def _coreml(path: Path, _wanted: tuple[int, int] | None) -> FileDescription:
    from edge_imgq.export.coreml.describe import describe

    return describe(path)


FORMATS: dict[str, Callable[[Path, tuple[int, int] | None], FileDescription]] = {
    ".onnx": _onnx,
    ".tflite": _tflite,
    ".mlpackage": _coreml,
}
"""File name extension → what describes it; the size is for files that take any."""
