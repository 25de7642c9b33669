"""`edge-imgq bundle`: put a model's files and their metadata into one folder, or check one."""

from __future__ import annotations

import argparse
import sys
import textwrap
from typing import TYPE_CHECKING

from edge_imgq.cli.options import Subparsers, add_authorship, add_command, add_images, add_json
from edge_imgq.cli.paths import existing_file, existing_folder, output_folder
from edge_imgq.cli.progress import ProgressDisplay
from edge_imgq.errors import DriftError, UsageError
from edge_imgq.wording import count_of

if TYPE_CHECKING:
    from edge_imgq.pipeline.bundle.bundle_check import BundleFinding

DETAILS = """\
Put the files that export wrote into one folder for an app, with contract.json (shapes, names,
pixels, tiles, drift), test vectors for pixels and tiles, the model card, digests, a bill of
materials and the commands that reproduce it. A bundle of the same model is replaced. A bundle of
another model, or one to which somebody added or changed files, is refused.

With --verify, DIR is a bundle: its files are opened, run and measured again, and every statement of
the bundle is compared with them. What cannot be checked on this computer is listed. Exits with 1 if
something differs."""

EXAMPLE = """\
edge-imgq bundle artifacts/fsrcnn-x2 --target tflite-int8 -o fsrcnn-app --zip
edge-imgq bundle --verify fsrcnn-app"""

COLUMNS = 80
"""Width in characters of what `--verify` prints; longer words are not broken."""


def add(subparsers: Subparsers) -> None:
    """Add the parser of `edge-imgq bundle` to `subparsers`, with its options and its help."""
    parser = add_command(
        subparsers, "bundle", "put files into a folder for an app, or check one", DETAILS, EXAMPLE
    )
    parser.add_argument(
        "folder",
        type=existing_folder,
        metavar="DIR",
        help="folder of one model's files; with --verify, of a bundle",
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="check what the bundle DIR states against the files in it",
    )
    _add_contents(parser)
    add_authorship(parser)
    add_images(parser)
    add_json(parser)


def _add_contents(parser: argparse.ArgumentParser) -> None:
    """Add options for the contents and the destination of a new bundle."""
    parser.add_argument(
        "--output",
        "-o",
        type=output_folder,
        metavar="DIR",
        help="folder to write: new, or a bundle of the same model",
    )
    parser.add_argument(
        "--target",
        nargs="+",
        action="extend",
        default=[],
        metavar="T",
        help="a name, a glob or a family of files (default: all); takes every word after it",
    )
    parser.add_argument(
        "--zip",
        action="store_true",
        help="also write DIR.zip; replaces a bundle of the same model",
    )
    parser.add_argument(
        "--card",
        type=existing_file,
        metavar="FILE",
        help="model card of a network of your own, in Markdown, with a table of its data",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write a bundle and list its files, or check one and print what differs, as text or JSON.

    Returns 1 if a check finds a difference, else 0.

    Raises:
        EdgeImgqError: the bundle or a file in it cannot be read or written; `main` prints it and
            takes its exit code.
    """
    return _verify(arguments) if arguments.verify else _bundle(arguments)


def _bundle(arguments: argparse.Namespace) -> int:
    from edge_imgq.pipeline.bundle.bundle import BundleRequest, bundle

    if arguments.output is None:
        raise UsageError("Say where the bundle goes: -o DIR. To check one: --verify DIR.")
    if arguments.images is not None:
        raise UsageError(
            "--images is for --verify. To write a bundle, leave it out: the figures are those of "
            "the export's report."
        )
    request = BundleRequest(
        folder=arguments.folder,
        output=arguments.output,
        targets=tuple(arguments.target),
        zipped=arguments.zip,
        card=arguments.card,
        author=arguments.author,
        licence=arguments.license,
        model_version=arguments.model_version,
    )
    with ProgressDisplay() as watch:
        written = bundle(request, watch)
    if arguments.json:
        from edge_imgq.report.json_form import to_json

        print(to_json([str(path) for path in written.paths]))
    else:
        print("\n".join(map(str, written.paths)))
    for remark in written.remarks:
        print(remark, file=sys.stderr)
    if not arguments.json:
        print(f"Begin with {arguments.output / 'README.md'}.", file=sys.stderr)
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    from edge_imgq.api.bundle import verify_bundle

    if arguments.output is not None:
        raise UsageError("--verify writes nothing, so leave -o out.")
    with ProgressDisplay() as watch:
        findings = verify_bundle(arguments.folder, images=arguments.images, progress=watch)
    wrong = [finding for finding in findings if finding.state == "differs"]
    if arguments.json:
        from edge_imgq.report.json_form import to_json
        from edge_imgq.report.typed import plain

        print(to_json(plain(findings)))
    else:
        print("\n".join(_lines(findings)))
    return DriftError.exit_code if wrong else 0


def _lines(findings: tuple[BundleFinding, ...]) -> list[str]:
    """Format the differences and what was skipped, then the number of matching statements."""
    shown = [finding for finding in findings if finding.state != "same"]
    lines = [
        line
        for finding in shown
        for line in textwrap.wrap(
            f"{finding.state}: {finding.what}: {finding.detail}",
            COLUMNS,
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    ]
    wrong = sum(finding.state == "differs" for finding in findings)
    verdict = f"{count_of(wrong, 'statement')} differ{'s' if wrong == 1 else ''}." if wrong else ""
    right = f"{count_of(len(findings) - len(shown), 'statement')} of the bundle hold."
    return [*lines, " ".join(filter(None, (right, verdict)))]
