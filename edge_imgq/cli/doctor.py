"""`edge-imgq doctor`: report what this machine can run and what is missing."""

from __future__ import annotations

import argparse

from edge_imgq.cli.options import Subparsers, add_command, add_json
from edge_imgq.cli.progress import ProgressDisplay
from edge_imgq.errors import RuntimeUnavailableError

DETAILS = """\
Show what this machine can run, which devices it reaches, and what to install for the rest. Exits
with 7 if something that edge-imgq needs is missing or broken.

--set-up arm64 downloads an Arm Python with LiteRT and an emulator for it (about 450 MB) with apt
and pip; --set-up gpu downloads a Vulkan driver that computes on the CPU (about 200 MB) with apt.
Both are unpacked below ~/.cache/edge-imgq; nothing is installed in the system."""


def add(subparsers: Subparsers) -> None:
    """Add the parser of `edge-imgq doctor` to `subparsers`, with its options and its help."""
    parser = add_command(
        subparsers,
        "doctor",
        "show what this machine can run, and what to install",
        DETAILS,
        "edge-imgq doctor\nedge-imgq doctor --set-up arm64\nedge-imgq doctor --set-up gpu",
    )
    parser.add_argument(
        "--set-up",
        choices=("arm64", "gpu"),
        help="first download what this emulated device needs",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Examine this machine and print findings as a table or JSON.

    With `--set-up`, first download what an emulated device needs. Returns 7 if something that
    edge-imgq requires is missing, else 0.

    Raises:
        EdgeImgqError: a requested set-up fails; `main` prints it and takes its exit code.
    """
    from edge_imgq.pipeline.doctor import examine, set_up
    from edge_imgq.report.finding_table import finding_table
    from edge_imgq.report.json_form import to_json
    from edge_imgq.report.typed import plain

    with ProgressDisplay() as watch:
        if arguments.set_up:
            set_up(arguments.set_up, watch)
        findings = examine(watch)
    print(to_json(plain(findings)) if arguments.json else finding_table(findings))
    broken = any(finding.state == "missing" for finding in findings)
    return RuntimeUnavailableError.exit_code if broken else 0
