"""`edge-imgq init`: the recipe folders for a team's own repository."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from edge_imgq.cli.options import Subparsers, add_command, add_json
from edge_imgq.cli.paths import output_folder
from edge_imgq.errors import UsageError

STAGES = ("export", "quantize", "calibration_data")

DETAILS = """\
Write the folders export/, quantize/ and calibration_data/ with the recipes that ship with
edge-imgq. A command that runs beside them uses them instead of its own. Nothing that exists
is overwritten."""


def add(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = add_command(
        subparsers,
        "init",
        "write the three recipe folders for your own repository",
        DETAILS,
        "cd my-app/models && edge-imgq init",
    )
    parser.add_argument(
        "folder",
        nargs="?",
        type=output_folder,
        default=".",
        metavar="DIR",
        help="where to (default: the current folder)",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the folders, and say what was written."""
    from edge_imgq.artifact import staging, write_bytes
    from edge_imgq.recipe.folders import shipped_folder

    folder: Path = arguments.folder
    for stage in STAGES:
        if (folder / stage).exists():
            raise UsageError(
                f"{folder / stage} exists already, and init overwrites nothing. Move it away, or "
                "choose another folder: edge-imgq init DIR."
            )
    written = []
    with staging(folder) as temporary:
        for stage in STAGES:
            for file in sorted(shipped_folder(stage).iterdir()):
                write_bytes(temporary / stage / file.name, file.read_bytes())
                written.append(folder / stage / file.name)
    if arguments.json:
        from edge_imgq.report.json_form import to_json

        print(to_json([str(path) for path in written]))
    else:
        print("\n".join(map(str, written)))
    print(f"Commands that run in {folder.resolve()} now use these.", file=sys.stderr)
    return 0
