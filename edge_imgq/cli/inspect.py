"""`edge-imgq inspect`: show the inputs, operators and costs of a file."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from edge_imgq.cli.argument_types import size
from edge_imgq.cli.messages import say
from edge_imgq.cli.options import Subparsers, add_command, add_json, add_ports, add_range
from edge_imgq.cli.paths import existing, output_folder
from edge_imgq.cli.progress import ProgressDisplay
from edge_imgq.errors import ModelError
from edge_imgq.formats import suffixes

if TYPE_CHECKING:
    from pathlib import Path

    from edge_imgq.report.description import FileDescription

DETAILS = """\
Show the inputs, outputs, operators, parameters and multiply-accumulates (MACs) of an .onnx model
or of a file that `export` wrote, and which accelerator runs which operator. XNNPACK's choice
is read from LiteRT on this computer; for others, documented rules are applied and nothing is run.

For a float .onnx model, also show the contract by which `export` takes it (pixel range, ranges of
further inputs and outputs; the same options change it), which targets it can write, and which
operators rule out the others; those of targets whose package is not installed are not sought.
Exits with 5 if `export` refuses the model itself, with 0 if it refuses only some targets."""

EXAMPLE = """\
edge-imgq inspect artifacts/fsrcnn-x2/tflite-int8.tflite
edge-imgq inspect my.onnx --size 360x640 --operators
edge-imgq inspect my.onnx --target tflite-int8"""


def add(subparsers: Subparsers) -> None:
    """Add the parser of `edge-imgq inspect` to `subparsers`, with its options and its help."""
    parser = add_command(
        subparsers, "inspect", "show a file's inputs, outputs, operators and size", DETAILS, EXAMPLE
    )
    parser.add_argument("file", type=existing, metavar="FILE", help=", ".join(suffixes()))
    parser.add_argument(
        "--size",
        type=size,
        metavar="HxW",
        help="input height and width of an ONNX model, for MACs and targets (default: its own; if "
        "open, 180x320 or the next larger size that it takes)",
    )
    parser.add_argument(
        "--target",
        nargs="+",
        action="extend",
        default=[],
        metavar="T",
        help="ask these targets only (as for export), and take a float .onnx model with the size, "
        "inputs and outputs that their recipes state",
    )
    parser.add_argument("--operators", action="store_true", help="list every operator")
    parser.add_argument(
        "--passes",
        action="store_true",
        help="for a float .onnx model: list the passes that rewrite its graph for each target, by "
        "phase, and how often each applied",
    )
    parser.add_argument(
        "--overlay",
        type=output_folder,
        metavar="DIR",
        help="folder for an overlay for Model Explorer: MACs of each operator, and dB and time of "
        "each layer if `sensitivity` was run on the model",
    )
    add_range(parser)
    add_ports(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print a description of a file as tables or JSON; return 5 if `export` refuses the model.

    Else return 0, also if it refuses only some targets.

    Raises:
        EdgeImgqError: the file is missing, damaged or of another kind; `main` prints it and takes
            its exit code.
    """
    from edge_imgq.api.inspect import inspect
    from edge_imgq.skipped import Skipped

    with ProgressDisplay() as watch:
        result = inspect(
            arguments.file,
            size=arguments.size,
            passes=arguments.passes,
            pixel_range=arguments.pixels,
            output_name=arguments.output_name,
            inputs=arguments.input,
            bind=arguments.bind,
            states=arguments.state,
            targets=arguments.target,
            progress=watch,
        )
    if arguments.overlay:
        _write_overlay(arguments.file, result.description, arguments.overlay)
    if arguments.json:
        from edge_imgq.report.json_form import description_to_json

        print(description_to_json(result.description))
    else:
        print(result.text(operators=arguments.operators))
    return ModelError.exit_code if isinstance(result.exports, Skipped) else 0


def _write_overlay(path: Path, description: FileDescription, folder: Path) -> None:
    """Write an overlay for Model Explorer, and say what it contains and lacks."""
    from edge_imgq.pipeline.sensitivity.model_explorer_overlay import write_overlay
    from edge_imgq.skipped import Skipped

    overlay = write_overlay(path, description, folder)
    names = ", ".join(file.name for file in overlay.files) or "nothing: no operator has a figure"
    say(f"for Model Explorer, in {folder}: {names}")
    if isinstance(overlay.layers, Skipped):
        say(f"no dB and time by layer: {overlay.layers.reason}")
    elif overlay.layers[0] < overlay.layers[1]:
        matched, layers = overlay.layers
        say(f"{matched} of {layers} layers have an operator of their own in this file")
