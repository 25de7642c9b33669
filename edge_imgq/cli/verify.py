"""`edge-imgq verify`: measure the drift of exported files."""

from __future__ import annotations

import argparse

from edge_imgq.cli.history import add_history, keep
from edge_imgq.cli.options import (
    Subparsers,
    add_command,
    add_device,
    add_explain,
    add_images,
    add_json,
    add_no_bench,
    add_paths,
    add_pictures,
    add_threads,
    benchmark_model,
)
from edge_imgq.cli.paths import existing
from edge_imgq.cli.progress import ProgressDisplay
from edge_imgq.cli.results import say_where_pictures_are, show_reports, write_page

DETAILS = """\
Reopen exported files from disk and measure how far their images are from those of the float
reference in the same folder (reference/float.onnx). With --device, the files run there and the
reference on this computer. If one of several files is damaged or was made from another reference,
it is listed and left out, and the exit code is 5. A file that was changed after its export is
named, and judged as it is. The exit code is 7 if a file did not finish on the device, or if the
device supports none of the files."""

EXAMPLE = """\
edge-imgq verify artifacts/fsrcnn-x2
edge-imgq verify artifacts/fsrcnn-x2/tflite-int8.tflite --images photos/
edge-imgq verify app/assets/x2.tflite --reference artifacts/fsrcnn-x2
edge-imgq verify artifacts/fsrcnn-x2/onnx-int8.onnx --device hexagon:sm8750"""


def add(subparsers: Subparsers) -> None:
    """Add the parser of `edge-imgq verify` to `subparsers`, with its options and its help."""
    parser = add_command(
        subparsers, "verify", "measure the drift of files that exist", DETAILS, EXAMPLE
    )
    add_paths(parser)
    parser.add_argument(
        "--reference",
        type=existing,
        metavar="DIR",
        help="model folder that export wrote, for files stored elsewhere",
    )
    add_images(parser)
    add_pictures(parser)
    add_threads(parser, default=1)
    add_no_bench(parser)
    add_history(parser)
    add_device(parser)
    parser.add_argument(
        "--bisect",
        action="store_true",
        help="with --device gpu: compare every operator and name the first wrong one",
    )
    add_json(parser)
    add_explain(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure the drift of files in dB and print the reports as tables or JSON.

    Returns 0; 1 if a file exceeds a budget; the code of its error if a file was not run.

    Raises:
        EdgeImgqError: the only file is damaged, or a device or image is unavailable; `main` prints
            it and takes its exit code.
    """
    from datetime import UTC, datetime

    from edge_imgq.api.verify import verify
    from edge_imgq.report.history import drift_entries

    with ProgressDisplay() as watch:
        result = verify(
            arguments.paths,
            images=arguments.images,
            device=arguments.device or "host",
            delegate=arguments.delegate,
            benchmark_model=benchmark_model(arguments),
            threads=arguments.threads,
            bench=not arguments.no_bench,
            pictures=arguments.pictures,
            reference=arguments.reference,
            bisect=arguments.bisect,
            progress=watch,
        )
    code = show_reports(result.reports, as_json=arguments.json, explain=arguments.explain)
    say_where_pictures_are(arguments.pictures)
    write_page(arguments.html, result.models)
    keep(arguments.history, drift_entries(result.reports, datetime.now(UTC)), arguments.json)
    return code
