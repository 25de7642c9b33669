"""`edge-imgq evaluate`: measure a model's PSNR and SSIM on a test set, as papers do."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_imgq.cli.argument_types import setting
from edge_imgq.cli.messages import say
from edge_imgq.cli.options import (
    Subparsers,
    add_command,
    add_json,
    add_ports,
    add_range,
    add_threads,
)
from edge_imgq.cli.paths import existing_file, existing_folder, file_to_keep, model, output_image
from edge_imgq.cli.progress import ProgressDisplay
from edge_imgq.devices.load import processors
from edge_imgq.errors import UsageError

DETAILS = """\
Degrade the photographs of a folder for the model's task, restore them, and measure PSNR and SSIM
against the originals (and PSNR-B for JPEG) as the task's papers do. The table also has the results
without the model: bicubic, the JPEG itself, the noisy image, non-local means.

If the folder contains input/ and truth/, or blur/ and sharp/, these are read as pairs.

MODEL is a name that `edge-imgq models` lists, a checkpoint, or an .onnx,
.tflite or .mlpackage file."""

EXAMPLE = """\
edge-imgq evaluate fsrcnn-x2 --set Set5
edge-imgq evaluate artifacts/fsrcnn-x2/tflite-int8.tflite --set Set5 \\
    --sheet sheet.png"""

TASKS = ("super-resolution", "jpeg", "denoise", "deblur", "photo-enhancement")


def add(subparsers: Subparsers) -> None:
    """Add the parser of `edge-imgq evaluate` to `subparsers`, with its options and its help."""
    parser = add_command(
        subparsers, "evaluate", "measure a model by the papers' protocols", DETAILS, EXAMPLE
    )
    parser.add_argument(
        "model", type=model, metavar="MODEL", help="a name, a checkpoint, or a file"
    )
    parser.add_argument(
        "--set",
        type=_set,
        action="append",
        required=True,
        metavar="DIR",
        help="folder of photographs or pairs; and again as NAME=VALUE for an input other than the "
        "photograph, such as --set sigma=25/255 (a noise level follows --level by itself)",
    )
    parser.add_argument(
        "--task",
        choices=TASKS,
        metavar="NAME",
        help=f"task of a file that does not state it: {', '.join(TASKS[:-1])} or {TASKS[-1]}",
    )
    parser.add_argument(
        "--level",
        type=float,
        action="append",
        default=[],
        metavar="X",
        help="JPEG quality (default 10, 20, 40) or noise level (default 15, 25, 50); may be "
        "repeated; for noisy pairs, their one noise level",
    )
    parser.add_argument(
        "--sheet", type=output_image, metavar="FILE", help="write crops of some images side by side"
    )
    _add_comparisons(parser)
    add_range(parser)
    add_ports(parser)
    add_threads(parser, default=processors())
    add_json(parser)


def _add_comparisons(parser: argparse.ArgumentParser) -> None:
    """Add options for a detector, and for the baselines ANR and A+."""
    parser.add_argument(
        "--detector",
        type=existing_file,
        metavar="FILE",
        help="an object detector as .onnx: compare its boxes in every image with those in the "
        "original",
    )
    parser.add_argument(
        "--regressors",
        type=file_to_keep,
        metavar="FILE",
        help="learned regressors, to compare ANR and A+ too; written if missing and --learn-from "
        "is given",
    )
    parser.add_argument(
        "--learn-from",
        type=existing_folder,
        metavar="DIR",
        help="photographs to learn ANR and A+ from, which takes minutes",
    )


def run(arguments: argparse.Namespace) -> int:
    """Measure a model's PSNR and SSIM and print them as a table or JSON; return 0.

    Raises:
        EdgeImgqError: the task is unknown, or model or images cannot be read; `main` prints it and
            takes its exit code.
    """
    from edge_imgq.api.evaluate import evaluate

    folder, settings = _folder_and_settings(arguments.set)
    with ProgressDisplay() as watch:
        result = evaluate(
            arguments.model,
            folder,
            task=arguments.task,
            levels=arguments.level,
            sheet=arguments.sheet,
            pixel_range=arguments.pixels,
            output_name=arguments.output_name,
            inputs=arguments.input,
            bind=arguments.bind,
            settings=settings,
            states=arguments.state,
            regressors=arguments.regressors,
            learn_from=arguments.learn_from,
            detector=arguments.detector,
            threads=arguments.threads,
            progress=watch,
        )
    if arguments.json:
        from edge_imgq.report.json_form import to_json
        from edge_imgq.report.typed import plain

        print(to_json(plain(result.evaluation)))
    else:
        print(result)
    if result.evaluation.hint:
        say(result.evaluation.hint)
    for sentence in result.evaluation.left_out:
        say(f"left out: {sentence}")
    return 0


def _set(text: str) -> Path | tuple[str, str]:
    """Parse a folder or, unless such a folder exists, NAME=VALUE."""
    if "=" in text and not Path(text).is_dir():
        return setting(text)
    return existing_folder(text)


def _folder_and_settings(said: list[Path | tuple[str, str]]) -> tuple[Path, dict[str, str]]:
    """Split the values of `--set` into the folder and the settings of inputs.

    Raises:
        UsageError: there is no folder or more than one, or an input is set twice.
    """
    folders = [one for one in said if isinstance(one, Path)]
    pairs = [one for one in said if isinstance(one, tuple)]
    if len(folders) != 1:
        raise UsageError(f"--set names {len(folders) or 'no'} folders of photographs; name one.")
    settings: dict[str, str] = {}
    for name, value in pairs:
        if name in settings:
            raise UsageError(f"--set gives the input '{name}' two values; give it one.")
        settings[name] = value
    return folders[0], settings
