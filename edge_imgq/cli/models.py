"""`edge-imgq models`: list the networks that ship."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_imgq.cli.options import Subparsers, add_command, add_json

DETAILS = """\
List the networks that ship with edge-imgq: what each does, its size and its PSNR. With names,
show those alone, and their cards: data, training command, figures, known limits."""

EXAMPLE = """\
edge-imgq models
edge-imgq models fsrcnn-x2"""


def add(subparsers: Subparsers) -> None:
    """Add the parser of `edge-imgq models` to `subparsers`, with its options and its help."""
    parser = add_command(subparsers, "models", "list the networks that ship", DETAILS, EXAMPLE)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a network (default: all)")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the networks that ship as a table or JSON; return 0.

    With names, print those alone, and in a table also their model cards.

    Raises:
        EdgeImgqError: there is no such network, or its weights are damaged; `main` prints it and
            takes its exit code.
    """
    from edge_imgq.models.listing import list_models
    from edge_imgq.models.zoo import UNTRAINED
    from edge_imgq.report.json_form import to_json
    from edge_imgq.report.model_card import card_text
    from edge_imgq.report.model_table import model_table
    from edge_imgq.report.typed import plain

    rows = list_models(arguments.names)
    if arguments.json:
        print(to_json(plain(rows)))
        return 0
    print(model_table(rows, () if arguments.names else UNTRAINED))
    for row in rows if arguments.names else ():
        print("", card_text(Path(row.card).read_text(encoding="utf-8")), sep="\n")
    return 0
