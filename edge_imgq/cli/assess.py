"""`edge-imgq assess`: estimate what degraded a photograph, and which network restores it."""

from __future__ import annotations

import argparse

from edge_imgq.cli.messages import say
from edge_imgq.cli.options import Subparsers, add_command, add_json, add_threads
from edge_imgq.cli.paths import existing, model
from edge_imgq.cli.progress import ProgressDisplay
from edge_imgq.devices.load import processors
from edge_imgq.errors import ImageError

DETAILS = """\
Estimate how noisy, compressed, blurred, enlarged and dark each photograph is, without its original,
and advise which network of the zoo to run on it. Two of three true values are within the ± of
their estimate. No network is advised if none gains 0.1 dB, or if only the tones are unusual,
which may be intended.

Files that cannot be read are listed and left out; the exit code is then 4."""

EXAMPLE = """\
edge-imgq assess photo.jpg
edge-imgq assess photos --json"""


def add(subparsers: Subparsers) -> None:
    """Add the parser of `edge-imgq assess` to `subparsers`, with its options and its help."""
    parser = add_command(
        subparsers,
        "assess",
        "estimate a photograph's degradations and advise a network",
        DETAILS,
        EXAMPLE,
    )
    parser.add_argument(
        "images",
        nargs="+",
        type=existing,
        metavar="IMAGE",
        help="a photograph of any size, or a folder of them",
    )
    parser.add_argument(
        "--model",
        type=model,
        default="assess-slim",
        metavar="M",
        help="network that makes the estimates, or an exported file of it (default: assess-slim)",
    )
    add_threads(parser, default=processors())
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Assess photographs and print the estimates as text or JSON; return 4 if one is unreadable.

    Else return 0. Files that could not be read are named on stderr.

    Raises:
        EdgeImgqError: the model does not assess photographs, or no file is an image; `main` prints
            it and takes its exit code.
    """
    from edge_imgq.api.assess import assess_files

    with ProgressDisplay() as watch:
        batch = assess_files(
            arguments.images, model=arguments.model, threads=arguments.threads, progress=watch
        )
    if arguments.json:
        from edge_imgq.report.json_form import to_json
        from edge_imgq.report.typed import plain

        print(to_json(plain(batch.assessments)))
    else:
        from edge_imgq.report.assessment_text import assessment_text

        print("\n\n".join(assessment_text(assessment) for assessment in batch.assessments))
    for sentence in batch.failed:
        say(f"left out: {sentence}")
    return ImageError.exit_code if batch.failed else 0
