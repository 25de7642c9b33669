"""Options that several commands share, and the layout of their help."""

from __future__ import annotations

import argparse
import math
import os
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from edge_imgq.cli.paths import existing, existing_folder, output_file, output_folder
from edge_imgq.contract import PixelRange
from edge_imgq.errors import UsageError
from edge_imgq.ports import read_bound, read_port, read_state

T = TypeVar("T")

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
    """Add `--json`."""
    parser.add_argument(
        "--json", action="store_true", help="print JSON alone on stdout, instead of a table"
    )


def add_explain(parser: argparse.ArgumentParser) -> None:
    """Add `--explain`."""
    parser.add_argument(
        "--explain",
        action="store_true",
        help="say below the table what its columns mean, and placement, memory and steps of int8",
    )


def add_paths(parser: argparse.ArgumentParser) -> None:
    """Add PATH arguments: exported files, or folders of them."""
    parser.add_argument(
        "paths",
        nargs="+",
        type=existing,
        metavar="PATH",
        help="a file that export wrote, a folder of them, or the folder of several models",
    )


def add_authorship(parser: argparse.ArgumentParser) -> None:
    """Add `--author`, `--license` and `--model-version`."""
    for option, what in (
        ("--author", "who made the model"),
        ("--license", "terms of its weights"),
        ("--model-version", "of the model, in your own counting"),
    ):
        parser.add_argument(option, default="", metavar="TEXT", help=f"to be stated: {what}")


def add_no_bench(parser: argparse.ArgumentParser) -> None:
    """Add `--no-bench`."""
    parser.add_argument("--no-bench", action="store_true", help="do not time the files")


def add_threads(parser: argparse.ArgumentParser, default: int) -> None:
    """Add `--threads N`."""
    parser.add_argument(
        "--threads",
        type=positive,
        default=default,
        metavar="N",
        help=f"processor threads (default {default})",
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add `--device NAME`, and options that only some devices use."""
    parser.add_argument(
        "--device",
        action="append",
        metavar="NAME",
        help="where files run, once or several times (default host; `edge-imgq doctor` lists them)",
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
    """Return the path of LiteRT's benchmark program from the option or the environment, or None."""
    named = os.environ.get(BENCHMARK_MODEL, "")
    program: Path | None = arguments.benchmark_model
    return program or (Path(named) if named else None)


def add_images(parser: argparse.ArgumentParser) -> None:
    """Add `--images DIR`."""
    parser.add_argument(
        "--images",
        type=existing_folder,
        metavar="DIR",
        help="folder of photographs to measure drift on (default: those of calibration_data/)",
    )


def add_calibration(parser: argparse.ArgumentParser) -> None:
    """Add `--calibration DIR`."""
    parser.add_argument(
        "--calibration",
        type=existing_folder,
        metavar="DIR",
        help="folder of photographs for int8 ranges (default: those of calibration_data/)",
    )


def add_artifacts(parser: argparse.ArgumentParser) -> None:
    """Add `--output DIR`, the folder with one subfolder per model."""
    parser.add_argument(
        "--output",
        type=output_folder,
        default="artifacts",
        metavar="DIR",
        help="the files go to DIR/<model>/ (default artifacts)",
    )


def add_range(parser: argparse.ArgumentParser) -> None:
    """Add `--range R`."""
    parser.add_argument(
        "--range",
        type=pixel_range,
        dest="pixels",
        metavar="R",
        help="pixels inside your ONNX model: 1 (0 to 1), 255 (0 to 255), or both ends, written "
        "--range=-1,1 (default: what the file says, else 1)",
    )


def add_ports(parser: argparse.ArgumentParser) -> None:
    """Add `--output-name NAME`, `--input NAME=KIND`, `--bind NAME=NUMBER` and `--state OUT=IN`."""
    parser.add_argument(
        "--output-name",
        type=port,
        action="append",
        default=[],
        metavar="NAME",
        help="an output of your ONNX model that is wanted, of several, once for each (default: "
        "all); with what it is where its shape does not say: scores=vector:0..100 (docs/ports.md)",
    )
    parser.add_argument(
        "--input",
        type=port,
        action="append",
        default=[],
        metavar="NAME=KIND",
        help="what an input of your ONNX model is: plane, mask, vector or image beside the image, "
        "raw, rgba or frames of the image itself; with its range, sigma=plane:0..75/255",
    )
    parser.add_argument(
        "--bind",
        type=bound,
        action=OncePerName,
        default={},
        metavar="NAME=NUMBER",
        help="make an input beside the image a constant, such as sigma=15/255; once for each",
    )
    words = "an output that feeds an input of the next frame, h_out=h_in (default: by names)"
    parser.add_argument(
        "--state", type=state, action="append", default=[], metavar="OUT=IN", help=words
    )


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add `--set NAME=VALUE`."""
    parser.add_argument(
        "--set",
        type=setting,
        action=OncePerName,
        default={},
        metavar="NAME=VALUE",
        help="of an input beside the photograph: a number in the model's own unit, sigma=25/255, "
        "or a picture, mask=mask.png; once for each",
    )


class OncePerName(argparse.Action):
    """Collects NAME=VALUE pairs in a dict, and refuses a repeated name."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Add one pair.

        Raises:
            ArgumentError: the name already has a value.
        """
        del parser, option_string
        name, value = values
        found: dict[str, Any] = getattr(namespace, self.dest)
        if name in found:
            raise argparse.ArgumentError(self, f"'{name}' has two values; give one")
        setattr(namespace, self.dest, {**found, name: value})


def state(text: str) -> str:
    """Check OUTPUT=INPUT of a recurrent state and return the text unchanged.

    Raises:
        ArgumentTypeError: it is malformed; see `edge_imgq.ports.read_state`.
    """
    _explained(read_state, text)
    return text


def port(text: str) -> str:
    """Check NAME or NAME=KIND of an input or output and return the text unchanged.

    Raises:
        ArgumentTypeError: it is malformed; see `edge_imgq.ports.read_port`.
    """
    _explained(read_port, text)
    return text


def bound(text: str) -> tuple[str, tuple[float, ...]]:
    """Parse NAME=NUMBER, or several numbers; see `edge_imgq.ports.read_bound`.

    Raises:
        ArgumentTypeError: it is malformed.
    """
    return _explained(read_bound, text)


def setting(text: str) -> tuple[str, str]:
    """Split NAME=VALUE at the first "=" into a name and a value, neither of them empty.

    Raises:
        ArgumentTypeError: a part is missing.
    """
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"'{text}' sets nothing; write NAME=VALUE")
    return name, value


def _explained(read: Callable[[str], T], text: str) -> T:
    """Parse a text; raise UsageError's message as argparse expects it."""
    try:
        return read(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error).rstrip(".")) from error


def add_pictures(parser: argparse.ArgumentParser) -> None:
    """Add `--pictures DIR`."""
    parser.add_argument(
        "--pictures",
        type=output_folder,
        metavar="DIR",
        help="write pictures of the worst images there: a map of the errors, and crops of float, "
        "file and difference",
    )
    parser.add_argument(
        "--html",
        type=output_file,
        metavar="FILE",
        help="write a page that holds the figures and the worst images",
    )


def positive(text: str) -> int:
    """Parse a whole number above zero.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above zero")
    return int(text)


def byte_size(text: str) -> int:
    """Parse an amount of memory such as 700M or 1.5G, and return bytes; units are powers of 1000.

    Raises:
        ArgumentTypeError: it is malformed or zero.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([kmg])b?", text.strip().lower())
    if found is None or not float(found[1]):
        raise argparse.ArgumentTypeError(f"'{text}' is no amount of memory; write 700M or 1.5G")
    return round(float(found[1]) * {"k": 10**3, "m": 10**6, "g": 10**9}[found[2]])


def size(text: str) -> tuple[int, int]:
    """Parse "HxW", such as 180x320, and return (height, width) in pixels.

    Raises:
        ArgumentTypeError: it is malformed or zero.
    """
    found = re.fullmatch(r"([1-9]\d*)[x×]([1-9]\d*)", text.strip().lower())
    if found is None:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a size; write height x width, e.g. 180x320"
        )
    return int(found[1]), int(found[2])


def pixel_range(text: str) -> PixelRange:
    """Parse the float values of pixels 0 and 255: "1" means 0 and 1, "255" 0 and 255, "-1,1" both.

    Raises:
        ArgumentTypeError: there are not one or two finite numbers in ascending order.
    """
    try:
        ends = [float(part) for part in text.split(",")]
    except ValueError:
        ends = []
    low, high = [0.0, *ends] if len(ends) == 1 else ends if len(ends) == 2 else (0.0, 0.0)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a range of pixels; write 1, 255, or both ends as in --range=-1,1"
        )
    return PixelRange(low, high)


def sizes(text: str) -> tuple[tuple[int, int], ...]:
    """Parse sizes "HxW" separated by commas, and return (height, width) pairs in pixels.

    Raises:
        ArgumentTypeError: one is malformed.
    """
    return tuple(size(part) for part in text.split(","))
