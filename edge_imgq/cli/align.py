"""`edge-imgq align`: cut training pairs from two cameras' photographs of the same scenes."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from edge_imgq.cli.argument_types import positive
from edge_imgq.cli.messages import say
from edge_imgq.cli.options import Subparsers, add_command, add_json
from edge_imgq.cli.paths import existing_folder, output_folder
from edge_imgq.cli.progress import ProgressDisplay
from edge_imgq.wording import count_of

if TYPE_CHECKING:
    from edge_imgq.pipeline.align import AlignResult

DETAILS = """\
Make training pairs from photographs that two cameras took of the same scenes. Two photographs are
a pair if their file names are the same except for the suffix. The better camera's photograph is
warped onto the pixels of the phone's (SIFT key points, homography by RANSAC), and both are cut into
patches. A pair of patches is kept if their cross-correlation is high at a shift of at most 5
pixels.

Patches are written to DIR/input and DIR/truth, for `edge-imgq train --data DIR`, and a picture of
each pair's matches to DIR/matches. Photographs that could not be matched are listed and
counted."""

EXAMPLE = """\
edge-imgq align phone dslr --output pairs
edge-imgq train dped-slim --data pairs --loss dped --output runs/dped"""


def add(subparsers: Subparsers) -> None:
    """Add the parser of `edge-imgq align` to `subparsers`, with its options and its help."""
    parser = add_command(
        subparsers, "align", "make training pairs from two cameras' photographs", DETAILS, EXAMPLE
    )
    for name, metavar, what in (
        ("phone", "PHONE_DIR", "the phone's photographs"),
        ("other", "DSLR_DIR", "the better camera's photographs"),
    ):
        parser.add_argument(name, type=existing_folder, metavar=metavar, help=what)
    parser.add_argument(
        "--output",
        "-o",
        type=output_folder,
        required=True,
        metavar="DIR",
        help="folder for the patches",
    )
    parser.add_argument(
        "--patch",
        type=positive,
        default=100,
        metavar="N",
        help="side of a patch in pixels (default 100)",
    )
    parser.add_argument(
        "--correlation",
        type=float,
        default=0.9,
        metavar="X",
        help="lowest correlation of two patches that are kept, up to 1 (default 0.9)",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the patches and print counts per photograph as a table or JSON; return 0.

    Raises:
        EdgeImgqError: no pair matches, or a folder cannot be read or written; `main` prints it and
            takes its exit code.
    """
    from edge_imgq.artifact import no_empty_folders
    from edge_imgq.pipeline.align import AlignRequest, align_folders

    request = AlignRequest(
        phone=arguments.phone,
        other=arguments.other,
        output=arguments.output,
        patch=arguments.patch,
        correlation=arguments.correlation,
    )
    with no_empty_folders(request.output), ProgressDisplay() as watch:
        result = align_folders(request, watch)
    _show(result, as_json=arguments.json)
    return 0


def _show(result: AlignResult, as_json: bool) -> None:
    for one in result.unmatched:
        say(f"left out {one.name}: {one.reason}.")
    if result.unmatched:
        say(f"left out in all: {len(result.unmatched)}")
    if as_json:
        from edge_imgq.report.json_form import to_json
        from edge_imgq.report.typed import plain

        print(to_json({**plain(result), "patches": result.patches}))
        return
    from edge_imgq.report.drawing import draw, new_table

    table = new_table("photograph", ">matches", ">agreeing", ">patches")
    for photo in result.aligned:
        row = (photo.name, *map(str, (photo.matches, photo.agreeing, photo.patches)))
        table.add_row(*row)
    print(draw(table))
    photographs = count_of(len(result.aligned), "photograph")
    print(f"\n{count_of(result.patches, 'pair')} of patches of {photographs}")
