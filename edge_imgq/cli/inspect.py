"""`edge-imgq inspect`: what a file consists of."""

from __future__ import annotations

import argparse

from edge_imgq.cli.options import Subparsers, add_command, add_json, size
from edge_imgq.cli.paths import existing
from edge_imgq.cli.progress import ProgressDisplay
from edge_imgq.errors import ModelError
from edge_imgq.formats import suffixes

DETAILS = """\
Show the inputs, outputs, operators, parameters and multiply-accumulates (MACs) of a file, one
that `export` wrote or anyone's .onnx, and which accelerator takes which operator: XNNPACK as
LiteRT places it here, others by documented rules that were not run. Of a float .onnx model, also
which targets `export` can write, and which operators stand in the way of the others. Exits with 5
where `export` refuses the model itself, as it does; 0 where it refuses only some targets."""

EXAMPLE = """\
edge-imgq inspect artifacts/fsrcnn-x2/tflite-int8.tflite
edge-imgq inspect my.onnx --size 360x640 --operators"""


def add(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = add_command(subparsers, "inspect", "show what a file consists of", DETAILS, EXAMPLE)
    parser.add_argument("file", type=existing, metavar="FILE", help=", ".join(suffixes()))
    parser.add_argument(
        "--size",
        type=size,
        metavar="HxW",
        help="size to count MACs at and to ask the targets about, for an ONNX file (default: its "
        "own; if open, 180x320 or the least above that it takes)",
    )
    parser.add_argument("--operators", action="store_true", help="list every operator")
    parser.add_argument(
        "--passes",
        action="store_true",
        help="of a float .onnx model, list the passes that rewrite its graph for each target, by "
        "phase, and how often each fired",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Describe the file."""
    from edge_imgq.api.inspect import inspect
    from edge_imgq.skipped import Skipped

    with ProgressDisplay() as watch:
        found = inspect(
            arguments.file, size=arguments.size, passes=arguments.passes, progress=watch
        )
    if arguments.json:
        from edge_imgq.report.json_form import description_to_json

        print(description_to_json(found.description))
    else:
        print(found.text(operators=arguments.operators))
    return ModelError.exit_code if isinstance(found.exports, Skipped) else 0
