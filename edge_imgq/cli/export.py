"""`edge-imgq export`: write, verify and time the files of a model."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.cli.argument_types import sizes
from edge_imgq.cli.options import (
    Subparsers,
    add_artifacts,
    add_authorship,
    add_calibration,
    add_command,
    add_explain,
    add_images,
    add_json,
    add_no_bench,
    add_pictures,
    add_ports,
    add_range,
    add_threads,
)
from edge_imgq.cli.paths import model, output_folder, scheme
from edge_imgq.cli.progress import ProgressDisplay
from edge_imgq.cli.results import say_where_pictures_are, show_reports, write_page
from edge_imgq.errors import UsageError
from edge_imgq.formats import FORMATS

if TYPE_CHECKING:
    from edge_imgq.report.report import Report

DEFAULT_MODEL = "fsrcnn-x2"

DETAILS = """\
Write one file per target, reopen each from disk, measure what it lost and how long it takes
on this host, print the table and write report.json.

MODEL is a network of the zoo (`edge-imgq models`), a checkpoint that `edge-imgq train` wrote,
or any ONNX file that takes an image and returns an image."""

EXAMPLE = """\
edge-imgq export fsrcnn-x2 --target all
edge-imgq export my.onnx --target tflite '*-int8' --size 360x640 \\
    --calibration photos/"""


def add(subparsers: Subparsers) -> None:
    """Add the parser of `edge-imgq export` to `subparsers`, with its options and its help."""
    parser = add_command(
        subparsers, "export", "write, verify and time the files of a model", DETAILS, EXAMPLE
    )
    parser.add_argument(
        "model",
        nargs="?",
        type=model,
        default=DEFAULT_MODEL,
        metavar="MODEL",
        help=f"a name, a checkpoint or an ONNX file (default {DEFAULT_MODEL})",
    )
    parser.add_argument(
        "--target",
        nargs="+",
        action="extend",
        metavar="T",
        help="stem of a recipe in export/, a glob, a family such as tflite, or all (default all), "
        f"which leaves out {', '.join(_with_extras())}; name those",
    )
    add_artifacts(parser)
    add_calibration(parser)
    add_images(parser)
    add_pictures(parser)
    _add_sizes_and_scheme(parser)
    add_authorship(parser)
    add_range(parser)
    add_ports(parser)
    add_threads(parser, default=1)
    add_no_bench(parser)
    _add_other_outputs(parser)
    add_json(parser)
    add_explain(parser)


def _with_extras() -> list[str]:
    """Return the targets and families that `all` omits because they need further packages."""
    families = [name for name, row in FORMATS.items() if row.extra]
    return [*families, "tflite-npu", "tflite-npu16"]


def _add_sizes_and_scheme(parser: argparse.ArgumentParser) -> None:
    """Add options for the sizes and the int8 scheme of the files."""
    parser.add_argument(
        "--size",
        type=sizes,
        action="extend",
        default=[],
        metavar="HxW",
        help="input height and width (default: the model's, or the recipe's for a network of "
        "edge-imgq). Several, separated by commas or given as several options, make one TFLite "
        "file with a signature for each, and one file for each in other formats",
    )
    parser.add_argument(
        "--scheme",
        type=scheme,
        metavar="NAME",
        help="recipe in quantize/ for all int8 targets, such as int8-thorough (default: their own)",
    )


def _add_other_outputs(parser: argparse.ArgumentParser) -> None:
    """Add options for further output."""
    parser.add_argument(
        "--dump-graphs",
        type=output_folder,
        metavar="DIR",
        help="folder for the graph of each target after each phase of its passes, as .onnx files; "
        "`edge-imgq inspect MODEL.onnx --passes` lists the passes",
    )
    parser.add_argument(
        "--ai-pack",
        type=output_folder,
        metavar="DIR",
        help="folder for an AI pack for Google Play with the NPU files, as LiteRT reads them",
    )


def run(arguments: argparse.Namespace) -> int:
    """Export a model and print its report as a table or JSON; return the exit code.

    0; 1 if a file exceeds a budget; the code of its error if a target was not written or not run.

    Raises:
        EdgeImgqError: no target can be written, or an argument is wrong; `main` prints it and takes
            its exit code.
    """
    from edge_imgq.api.export import export

    targets = tuple(arguments.target or ("all",))
    _refuse_swallowed_model(targets)
    with ProgressDisplay() as watch:
        result = export(
            arguments.model,
            targets=targets,
            output=arguments.output,
            calibration=arguments.calibration,
            images=arguments.images,
            sizes=arguments.size,
            scheme=arguments.scheme or "",
            pixel_range=arguments.pixels,
            output_name=arguments.output_name,
            inputs=arguments.input,
            bind=arguments.bind,
            states=arguments.state,
            threads=arguments.threads,
            bench=not arguments.no_bench,
            pictures=arguments.pictures,
            dump_graphs=arguments.dump_graphs,
            ai_pack=arguments.ai_pack,
            check_graphs=arguments.debug,
            author=arguments.author,
            licence=arguments.license,
            model_version=arguments.model_version,
            progress=watch,
        )
    print(f"The files are in {result.folder}.", file=sys.stderr)
    say_where_pictures_are(arguments.pictures)
    write_page(arguments.html, (result,))
    if arguments.ai_pack is not None:
        print(_where_the_pack_is(arguments.ai_pack, result.report), file=sys.stderr)
    if arguments.dump_graphs is not None:
        print(f"Graphs are in {arguments.dump_graphs / result.report.model}.", file=sys.stderr)
    return show_reports((result.report,), as_json=arguments.json, explain=arguments.explain)


def _where_the_pack_is(folder: Path, report: Report) -> str:
    from edge_imgq.export.npu.ai_pack import pack_name

    pack = folder / pack_name(report.model)
    if pack.is_dir():
        return f"The AI pack is in {pack}, its device groups are beside it."
    return "There is no AI pack: no chip has a file."


def _refuse_swallowed_model(targets: Sequence[str]) -> None:
    """Refuse a model name after `--target`, which takes every following word.

    Raises:
        UsageError: a target is the name of a model or model file.
    """
    from edge_imgq.models.zoo import ZOO

    for word in targets:
        if word in ZOO or Path(word).suffix in (".onnx", ".safetensors"):
            raise UsageError(
                f"'{word}' is a model, and --target takes every word after it as a target. Write "
                f"the model first: edge-imgq export {word} --target ..."
            )
