"""`edge-imgq init`: write recipe folders, or CI files, into a team's own repository."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import get_args

from edge_imgq.ci.files import GITLAB, INCLUDED, Host
from edge_imgq.cli.options import Subparsers, add_command, add_json
from edge_imgq.cli.paths import existing_file, output_folder
from edge_imgq.errors import UsageError

STAGES = ("export", "quantize", "calibration_data")
OPTIONS = "--target all --no-bench"

DETAILS = """\
Write the folders export/, quantize/ and calibration_data/ with the recipes that ship with
edge-imgq. Commands that run in DIR use them instead of the shipped ones. Existing files are not
overwritten.

With --ci, write instead what GitHub or GitLab needs to export your model on every change and to
compare its files with a baseline: a workflow, the versions to install, the wheel of edge-imgq,
and lines for .gitignore and .gitattributes. The next commands to type are printed. The wheel is
the one that edge-imgq was installed from. If it was installed from a checkout, as by `make
install`, write one with `make wheel` and name it with --wheel."""

EXAMPLE = """\
cd my-app/models && edge-imgq init
edge-imgq init my-app --ci github --model models/denoiser.onnx
edge-imgq init my-app --ci github --model models/denoiser.onnx --force \\
    --options='--target tflite --size 360x640'"""


def add(subparsers: Subparsers) -> None:
    """Add the parser of `edge-imgq init` to `subparsers`, with its options and its help."""
    parser = add_command(
        subparsers, "init", "write recipe folders or CI for your own repository", DETAILS, EXAMPLE
    )
    parser.add_argument(
        "folder",
        nargs="?",
        type=output_folder,
        default=".",
        metavar="DIR",
        help="folder to write to (default: the current one)",
    )
    parser.add_argument(
        "--ci", choices=get_args(Host), help="write CI files; DIR is the root of the repository"
    )
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="with --ci: path of the model from the root of the repository",
    )
    parser.add_argument(
        "--options",
        metavar="TEXT",
        help=f"with --ci: more options of export (default: --options='{OPTIONS}')",
    )
    parser.add_argument(
        "--wheel",
        type=existing_file,
        metavar="FILE",
        help="with --ci: wheel of edge-imgq (default: the one that it was installed from)",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        default=None,
        help="with --ci: rewrite the files that init wrote; other files stay as they are",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write recipe folders, or CI files, and list them, one per line or as JSON; return 0.

    All files are written or none.

    Raises:
        EdgeImgqError: a file exists already or cannot be written; `main` prints it and takes its
            exit code.
    """
    folder: Path = arguments.folder
    if arguments.ci is None:
        _refuse_ci_options(arguments)
        files = _recipes(folder)
        hint = f"Commands that run in {folder.resolve()} now use these."
    else:
        files = _ci_files(arguments)
        hint = _next_steps(arguments, has_include=_includes(folder, files))
    _write(folder, files)
    if arguments.json:
        from edge_imgq.report.json_form import to_json

        print(to_json([str(path) for path in files]))
    else:
        print("\n".join(map(str, files)))
    print(hint, file=sys.stderr)
    return 0


def _refuse_ci_options(arguments: argparse.Namespace) -> None:
    for option in ("model", "options", "wheel", "force"):
        if getattr(arguments, option) is not None:
            raise UsageError(f"--{option} needs --ci github or --ci gitlab.")


def _recipes(folder: Path) -> dict[Path, bytes]:
    """Return the contents of the shipped recipes by destination.

    Raises:
        UsageError: one of their folders exists already.
    """
    from edge_imgq.recipe.folders import shipped_folder

    for stage in STAGES:
        if (folder / stage).exists():
            raise UsageError(
                f"{folder / stage} exists already, and init overwrites nothing. Move it away, or "
                "choose another folder: edge-imgq init DIR."
            )
    return {
        folder / stage / file.name: file.read_bytes()
        for stage in STAGES
        for file in sorted(shipped_folder(stage).iterdir())
    }


def _ci_files(arguments: argparse.Namespace) -> dict[Path, bytes]:
    """Return the contents of the CI files by destination.

    Raises:
        UsageError: no model of the repository is given, its size is open, or there is no wheel, all
            in one message; or a file of another origin exists.
    """
    from edge_imgq.ci.files import ci_files
    from edge_imgq.ci.installation import own_wheel
    from edge_imgq.ci.model_size import refuse_open_size

    folder, model = arguments.folder, arguments.model
    options = OPTIONS if arguments.options is None else arguments.options
    wheel, missing = arguments.wheel, []
    try:
        _refuse_no_model(folder, model)
        refuse_open_size(folder / model, options)
    except UsageError as error:
        missing.append(str(error))
    try:
        wheel = wheel or own_wheel()
    except UsageError as error:
        missing.append(str(error))
    if missing:
        raise UsageError("\n".join(missing))
    again = bool(arguments.force)
    made = ci_files(folder, arguments.ci, model, options, wheel, again=again)
    return {folder / file.path: file.contents for file in made}


def _refuse_no_model(folder: Path, model: str | None) -> None:
    from edge_imgq.models.zoo import ZOO

    if model is None:
        raise UsageError(
            "CI needs to know which model to export: name a file of the repository with --model. "
            "If the model takes images of any size, give the size of its files too: "
            f"--options='{OPTIONS} --size HxW'."
        )
    if model not in ZOO and not (folder / model).is_file():
        raise UsageError(
            f"There is no file {folder / model}: --model names a file from the root of the "
            f"repository, {folder.resolve()}."
        )


def _includes(folder: Path, files: dict[Path, bytes]) -> bool:
    """Return True if GitLab's main file is written, or includes the file of edge-imgq already."""
    path = folder / GITLAB
    return path in files or (path.is_file() and INCLUDED.encode() in path.read_bytes())


def _write(folder: Path, files: dict[Path, bytes]) -> None:
    """Write all files, or restore the previous state if one cannot be written."""
    from edge_imgq.artifact import no_empty_folders, write_bytes

    before = {path: path.read_bytes() for path in files if path.is_file()}
    try:
        with no_empty_folders(folder):
            for path, contents in files.items():
                with no_empty_folders(path.parent):
                    write_bytes(path, contents)
    except BaseException:
        for path in files:
            if path in before:
                path.write_bytes(before[path])
            else:
                path.unlink(missing_ok=True)
        raise


def _next_steps(arguments: argparse.Namespace, *, has_include: bool) -> str:
    options = OPTIONS if arguments.options is None else arguments.options
    lines = [
        f"Next, in {arguments.folder.resolve()}:",
        f"  edge-imgq export {arguments.model} {options} --output artifacts",
        "  edge-imgq check artifacts --baseline baseline.json --update",
        "Then commit these files, the model and baseline.json.",
    ]
    if arguments.ci == "gitlab" and not has_include:
        lines.append(f"{GITLAB} is there already; add to it:\n{INCLUDED.rstrip()}")
    return "\n".join(lines)
