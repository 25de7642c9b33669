"""`edge-imgq enhance`: run files and networks on photographs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.cli.argument_types import byte_size, positive
from edge_imgq.cli.messages import say
from edge_imgq.cli.options import (
    Subparsers,
    add_command,
    add_json,
    add_ports,
    add_range,
    add_settings,
    add_threads,
)
from edge_imgq.cli.paths import existing, model, output_file, output_folder
from edge_imgq.cli.progress import ProgressDisplay
from edge_imgq.devices.load import processors
from edge_imgq.errors import ImageError, UsageError
from edge_imgq.wording import count_of

if TYPE_CHECKING:
    from edge_imgq.pipeline.enhance.enhance import Enhanced

DETAILS = """\
Run photographs of any size through a network and write the results, in tiles without
visible seams. If a network processes brightness only (FSRCNN), colours are enlarged separately.
Files that cannot be used are listed and left out; the exit code is then 4.

M is a file that export wrote, any image-to-image .onnx file, a checkpoint, or a name that
`edge-imgq models` lists. Several run one after the other."""

EXAMPLE = """\
edge-imgq enhance photo.jpg --model fsrcnn-x2 -o out
edge-imgq enhance photos --auto -o out
edge-imgq enhance *.jpg -o out \\
    --model deblur-slim artifacts/fsrcnn-x2/tflite-int8.tflite"""


def add(subparsers: Subparsers) -> None:
    """Add the parser of `edge-imgq enhance` to `subparsers`, with its options and its help."""
    parser = add_command(
        subparsers, "enhance", "run a file or network on photographs", DETAILS, EXAMPLE
    )
    _add_photographs_and_networks(parser)
    _add_results(parser)
    _add_resources(parser)
    add_settings(parser)
    add_range(parser)
    add_ports(parser)
    add_threads(parser, default=processors())
    add_json(parser)


def _add_photographs_and_networks(parser: argparse.ArgumentParser) -> None:
    """Add arguments for the photographs and the networks."""
    parser.add_argument(
        "images",
        nargs="*",
        type=existing,
        metavar="IMAGE",
        help="a photograph of any size, or a folder of them",
    )
    networks = parser.add_mutually_exclusive_group(required=True)
    networks.add_argument(
        "--model",
        "-m",
        nargs="+",
        action="extend",
        type=model,
        metavar="M",
        help="a name or a file; takes every word that follows",
    )
    networks.add_argument(
        "--auto",
        action="store_true",
        help="run what `assess` advises for each photograph; nothing if no network helps",
    )


def _add_results(parser: argparse.ArgumentParser) -> None:
    """Add options for the output folder and format, and for resuming."""
    parser.add_argument(
        "--output",
        "-o",
        type=output_folder,
        required=True,
        metavar="DIR",
        help="folder for the results, created if missing",
    )
    parser.add_argument(
        "--format",
        choices=("png", "jpg", "webp", "tiff", "bmp"),
        help="format of the results (default: each image's own)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="skip photographs that have a result, to continue an interrupted run",
    )


def _add_resources(parser: argparse.ArgumentParser) -> None:
    """Add options for parallelism, memory and device, and for a page of results."""
    parser.add_argument(
        "--workers",
        type=positive,
        default=0,
        metavar="N",
        help="photographs to process at once; they share the threads (default: 1, or as many as "
        "--memory allows)",
    )
    parser.add_argument(
        "--memory",
        type=byte_size,
        default=0,
        metavar="SIZE",
        help="approximate memory limit, such as 1G or 700M; determines tiles and workers",
    )
    parser.add_argument(
        "--page",
        type=output_file,
        metavar="FILE",
        help="write an HTML page that shows each photograph before and after",
    )
    parser.add_argument(
        "--device",
        default="",
        metavar="NAME",
        help="where files run, such as gpu (default: this host; `edge-imgq doctor` lists them)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Enhance photographs and list the written files, one per line or as JSON.

    Returns 4 if a photograph was left out, which is named on stderr; else 0.

    Raises:
        EdgeImgqError: no photograph can be used, or a model or device is unavailable; `main` prints
            it and takes its exit code.
    """
    from edge_imgq.api.enhance import enhance_files

    if not arguments.images:
        raise UsageError(_no_image(arguments.model or []))
    with ProgressDisplay() as watch:
        batch = enhance_files(
            arguments.images,
            arguments.model,
            arguments.output,
            suffix=arguments.format or "",
            resume=arguments.resume,
            workers=arguments.workers,
            memory=arguments.memory,
            page=arguments.page,
            pixel_range=arguments.pixels,
            output_name=arguments.output_name,
            inputs=arguments.input,
            bind=arguments.bind,
            states=arguments.state,
            settings=arguments.set,
            device=arguments.device,
            threads=arguments.threads,
            progress=watch,
        )
    _show(batch.written, arguments)
    if batch.kept:
        say(f"left as they are: {count_of(len(batch.kept), 'result')} of an earlier run")
    for sentence in batch.hints:
        say(sentence)
    for sentence in batch.failed:
        say(f"left out: {sentence}")
    return ImageError.exit_code if batch.failed else 0


def _show(written: Sequence[Enhanced], arguments: argparse.Namespace) -> None:
    """Print the written images, as JSON or one per line."""
    if arguments.json:
        from edge_imgq.report.json_form import to_json
        from edge_imgq.report.typed import plain

        print(to_json(plain(written)))
        return
    for image in written:
        height, width = image.size
        by = "" if not arguments.auto else f" {', '.join(image.models) or 'left as it is'}"
        print(f"{image.path} ({height} high, {width} wide){by}")


def _no_image(models: list[str]) -> str:
    """Return the message for missing photographs, naming one that `--model` took for a model."""
    from edge_imgq.images.decode import HEIF
    from edge_imgq.images.files import SUFFIXES

    taken = [word for word in models if Path(word).suffix.lower() in SUFFIXES | HEIF]
    if not taken:
        return "IMAGE is missing: name the photographs. See `edge-imgq enhance --help`."
    rest = " ".join(word for word in models if word not in taken)
    return (
        f"'{taken[0]}' is taken for a model: --model takes every word after it. Write the "
        f"photographs first: edge-imgq enhance {' '.join(taken)} --model {rest or 'M'} ..."
    )
