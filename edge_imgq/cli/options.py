"""Options that several commands share, and the layout of their help."""

from __future__ import annotations

import argparse
import os
import textwrap
from pathlib import Path
from typing import Any

from edge_imgq.cli.argument_types import (
    OncePerName,
    RefuseTarget,
    bound,
    pixel_range,
    port,
    positive,
    setting,
    state,
)
from edge_imgq.cli.paths import existing, existing_folder, exported, output_file, output_folder

BENCHMARK_MODEL = "EDGE_IMGQ_BENCHMARK_MODEL"
"""Environment variable with the path of LiteRT's benchmark program for a phone or board."""

COLUMNS = 80
"""Width of the help text in characters."""

Subparsers = Any
"""Type returned by `ArgumentParser.add_subparsers`, for which argparse has no public name."""


def add_command(
    subparsers: Subparsers, name: str, summary: str, details: str, example: str
) -> argparse.ArgumentParser:
    """Add the parser of a command whose help ends with an example.

    Args:
        subparsers: result of `ArgumentParser.add_subparsers`.
        name: the command.
        summary: one line for `edge-imgq --help`.
        details: text of the command's help before its options; blank lines separate paragraphs.
        example: one or more complete command lines.

    Returns:
        The parser, with `--debug`.
    """
    lines = textwrap.indent(example.strip(), "  ")
    paragraphs = (textwrap.fill(text, COLUMNS) for text in details.split("\n\n"))
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=summary,
        description="\n\n".join(paragraphs),
        epilog=f"example:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--debug",
        action="store_true",
        help="show the traceback of an error, and all warnings; check graphs between passes",
    )
    return parser


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the flag `--json`, which prints JSON instead of a table.

    Parsed as `json`, False by default.
    """
    parser.add_argument(
        "--json",
        action="store_true",
        help="print JSON instead of a table; nothing else goes to stdout",
    )


def add_explain(parser: argparse.ArgumentParser) -> None:
    """Add the flag `--explain`, which explains the columns below a table.

    Parsed as `explain`, False by default.
    """
    parser.add_argument(
        "--explain",
        action="store_true",
        help="below the table, explain its columns, and show placement, memory and int8 steps",
    )


def add_paths(parser: argparse.ArgumentParser) -> None:
    """Add PATH arguments: exported files, or folders of them.

    Parsed as `paths`, a list of one or more existing Paths. `--target`, which is no option here, is
    told what to name instead.
    """
    parser.add_argument(
        "paths",
        nargs="+",
        type=exported,
        metavar="PATH",
        help="a file that export wrote, a folder of them, or the folder of several models",
    )
    hidden = argparse.SUPPRESS
    parser.add_argument("--target", nargs="?", action=RefuseTarget, default=hidden, help=hidden)


def add_authorship(parser: argparse.ArgumentParser) -> None:
    """Add `--author`, `--license` and `--model-version`, texts to state in the files.

    Parsed as `author`, `license` and `model_version`, "" by default.
    """
    for option, what in (
        ("--author", "who made the model, stated in the files"),
        ("--license", "licence of its weights, stated in the files"),
        ("--model-version", "your version number of the model, stated in the files"),
    ):
        parser.add_argument(option, default="", metavar="TEXT", help=what)


def add_no_bench(parser: argparse.ArgumentParser) -> None:
    """Add the flag `--no-bench`, which leaves files untimed.

    Parsed as `no_bench`, False by default.
    """
    parser.add_argument("--no-bench", action="store_true", help="do not time the files")


def add_threads(parser: argparse.ArgumentParser, default: int) -> None:
    """Add `--threads N`, the number of processor threads.

    Parsed as `threads`, a number above 0; `default` if not given.
    """
    parser.add_argument(
        "--threads",
        type=positive,
        default=default,
        metavar="N",
        help=f"processor threads (default {default})",
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add `--device NAME`, and options that only some devices use.

    Parsed as `device`, a list of names or None; `delegate`, by default "xnnpack"; and
    `benchmark_model`, a Path or None, which `benchmark_model` reads.
    """
    parser.add_argument(
        "--device",
        action="append",
        metavar="NAME",
        help="device to run files on; may be repeated (default host; see `edge-imgq doctor`)",
    )
    parser.add_argument(
        "--delegate",
        default="xnnpack",
        metavar="NAME",
        help="on a phone or board: xnnpack (default), cpu, gpu, nnapi, or the path of a delegate's "
        "library there",
    )
    parser.add_argument(
        "--benchmark-model",
        type=existing,
        metavar="FILE",
        help="LiteRT's benchmark_model for the phone or board (or EDGE_IMGQ_BENCHMARK_MODEL)",
    )


def benchmark_model(arguments: argparse.Namespace) -> Path | None:
    """Return the path of LiteRT's program `benchmark_model`, or None if nothing names one.

    `--benchmark-model` comes before the environment variable EDGE_IMGQ_BENCHMARK_MODEL. The option
    is checked to exist when it is parsed; the variable's path is not checked here.
    """
    named = os.environ.get(BENCHMARK_MODEL, "")
    program: Path | None = arguments.benchmark_model
    return program or (Path(named) if named else None)


def add_images(parser: argparse.ArgumentParser) -> None:
    """Add `--images DIR`, the photographs to measure drift on.

    Parsed as `images`, the Path of an existing folder, or None.
    """
    parser.add_argument(
        "--images",
        type=existing_folder,
        metavar="DIR",
        help="folder of photographs to measure drift on (default: those of calibration_data/)",
    )


def add_calibration(parser: argparse.ArgumentParser) -> None:
    """Add `--calibration DIR`, the photographs to choose int8 ranges on.

    Parsed as `calibration`, the Path of an existing folder, or None.
    """
    parser.add_argument(
        "--calibration",
        type=existing_folder,
        metavar="DIR",
        help="folder of photographs for int8 ranges (default: those of calibration_data/)",
    )


def add_artifacts(parser: argparse.ArgumentParser) -> None:
    """Add `--output DIR`, the folder with one subfolder per model.

    Parsed as `output`, a Path that can be written, by default "artifacts".
    """
    parser.add_argument(
        "--output",
        type=output_folder,
        default="artifacts",
        metavar="DIR",
        help="the files go to DIR/<model>/ (default artifacts)",
    )


def add_range(parser: argparse.ArgumentParser) -> None:
    """Add `--range R`, the float values of pixels 0 and 255 at the input of a user's ONNX model.

    Parsed as `pixels`, a PixelRange, or None.
    """
    parser.add_argument(
        "--range",
        type=pixel_range,
        dest="pixels",
        metavar="R",
        help="pixel range of your ONNX model: 1 (0 to 1), 255 (0 to 255), or both ends, written "
        "--range=-1,1 (default: what the file states, else 1)",
    )


def add_ports(parser: argparse.ArgumentParser) -> None:
    """Add the options that describe the inputs and outputs of a user's ONNX model.

    `--output-name NAME`, `--input NAME=KIND` and `--state OUT=IN` are parsed as `output_name`,
    `input` and `state`, lists of checked texts; `--bind NAME=NUMBER` as `bind`, tuples of numbers
    by name. All are empty by default.
    """
    parser.add_argument(
        "--output-name",
        type=port,
        action="append",
        default=[],
        metavar="NAME",
        help="keep this output of your ONNX model; may be repeated (default: all outputs). State "
        "its kind if the shape leaves it open: scores=vector:0..100 (docs/ports.md)",
    )
    parser.add_argument(
        "--input",
        type=port,
        action="append",
        default=[],
        metavar="NAME=KIND",
        help="kind of an input of your ONNX model: plane, mask, vector or image for inputs other "
        "than the image; raw, rgba or frames for the image itself; with its range, "
        "sigma=plane:0..75/255",
    )
    parser.add_argument(
        "--bind",
        type=bound,
        action=OncePerName,
        default={},
        metavar="NAME=NUMBER",
        help="replace an input other than the image with a constant, sigma=15/255; may be repeated",
    )
    words = "output that is an input of the next frame, h_out=h_in (default: matched by name)"
    parser.add_argument(
        "--state", type=state, action="append", default=[], metavar="OUT=IN", help=words
    )


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add `--set NAME=VALUE`, the value of an input other than the photograph.

    Parsed as `set`, texts by name, empty by default.
    """
    parser.add_argument(
        "--set",
        type=setting,
        action=OncePerName,
        default={},
        metavar="NAME=VALUE",
        help="value of an input other than the photograph: a number in the model's unit, "
        "sigma=25/255, or a picture, mask=mask.png; may be repeated",
    )


def add_pictures(parser: argparse.ArgumentParser) -> None:
    """Add `--pictures DIR` and `--html FILE`, which show the worst images.

    Parsed as `pictures` and `html`, Paths that can be written, or None.
    """
    parser.add_argument(
        "--pictures",
        type=output_folder,
        metavar="DIR",
        help="folder for pictures of the worst images: a map of the errors, and crops of float, "
        "file and difference",
    )
    parser.add_argument(
        "--html",
        type=output_file,
        metavar="FILE",
        help="write one HTML page with the figures and the worst images",
    )
