"""`edge-imgq models`: the networks that ship."""

from __future__ import annotations

import argparse

from edge_imgq.cli.options import Subparsers, add_command, add_json

DETAILS = """\
List the networks that ship with edge-imgq: what each does, its size, and where its model card
is (data, training command, PSNR, known limits)."""


def add(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = add_command(
        subparsers, "models", "list the networks that ship", DETAILS, "edge-imgq models --json"
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show the zoo."""
    from edge_imgq.models.listing import list_models
    from edge_imgq.models.zoo import UNTRAINED
    from edge_imgq.report.json_form import plain, to_json
    from edge_imgq.report.model_table import model_table

    rows = list_models()
    print(to_json(plain(rows)) if arguments.json else model_table(rows, UNTRAINED))
    return 0
