"""`edge-imgq sensitivity`: measure each layer's int8 loss, and choose layers to keep in float."""

from __future__ import annotations

import argparse
import sys

from edge_imgq.cli.argument_types import size
from edge_imgq.cli.options import (
    Subparsers,
    add_artifacts,
    add_calibration,
    add_command,
    add_json,
    add_ports,
    add_range,
    add_settings,
)
from edge_imgq.cli.paths import existing_folder, model, scheme
from edge_imgq.cli.progress import ProgressDisplay

DETAILS = """\
Show for every layer of a model how much the image changes if only that layer is int8, and write
the figures as JSON and as a picture to DIR/<model>/.

With --budget or --fidelity, also find the layers to compute in float that meet that goal in the
least estimated time, and write them to a recipe for `edge-imgq export --scheme`; the targets
onnx-int8, tflite-int8 and coreml-int8 follow it. If the goal cannot be met, no recipe is written
and the exit code is 2."""

EXAMPLE = """\
edge-imgq sensitivity fsrcnn-x2
edge-imgq sensitivity my.onnx --calibration photos/ --budget 0.03
edge-imgq export my.onnx --target '*-int8' --size 180x320 \\
    --scheme artifacts/my/mixed.toml"""


def add(subparsers: Subparsers) -> None:
    """Add the parser of `edge-imgq sensitivity` to `subparsers`, with its options and its help."""
    parser = add_command(
        subparsers, "sensitivity", "show what each layer loses in int8", DETAILS, EXAMPLE
    )
    parser.add_argument(
        "model",
        type=model,
        metavar="MODEL",
        help="a network of the zoo, a checkpoint or an ONNX file, as for export",
    )
    parser.add_argument(
        "--scheme",
        type=scheme,
        default="int8",
        metavar="NAME",
        help="recipe in quantize/, or the path of one (default int8)",
    )
    _add_goals(parser)
    parser.add_argument(
        "--size",
        type=size,
        metavar="HxW",
        help="input height and width, for an ONNX model whose graph depends on them, and for time "
        "estimates (default: the model's own, or 180x320)",
    )
    add_calibration(parser)
    parser.add_argument(
        "--images",
        type=existing_folder,
        metavar="DIR",
        help="folder of photographs to measure on (default: patches of the calibration images that "
        "quantization did not use; with --set, photographs that ship)",
    )
    add_artifacts(parser)
    add_range(parser)
    add_ports(parser)
    add_settings(parser)
    add_json(parser)


def _add_goals(parser: argparse.ArgumentParser) -> None:
    """Add the goals of mixed precision, of which at most one can be given."""
    wanted = parser.add_mutually_exclusive_group()
    wanted.add_argument(
        "--budget",
        type=_decibels,
        metavar="DB",
        help="largest PSNR loss against the original photographs, in dB, such as 0.03",
    )
    wanted.add_argument(
        "--fidelity",
        type=_decibels,
        metavar="DB",
        help="lowest PSNR against the float model's image, in dB, such as 52",
    )


def run(arguments: argparse.Namespace) -> int:
    """Measure the int8 loss of each layer in dB and print it as a table or JSON; return 0.

    Raises:
        EdgeImgqError: the model cannot be quantized, or no choice reaches the goal; `main` prints
            it and takes its exit code.
    """
    from edge_imgq.api.sensitivity import sensitivity
    from edge_imgq.pipeline.sensitivity.sensitivity import PICTURE
    from edge_imgq.report.json_form import sensitivity_to_json

    with ProgressDisplay() as watch:
        result = sensitivity(
            arguments.model,
            scheme=arguments.scheme,
            budget=arguments.budget,
            fidelity=arguments.fidelity,
            size=arguments.size,
            calibration=arguments.calibration,
            images=arguments.images,
            output=arguments.output,
            pixel_range=arguments.pixels,
            output_name=arguments.output_name,
            inputs=arguments.input,
            bind=arguments.bind,
            states=arguments.state,
            settings=arguments.set,
            progress=watch,
        )
    print(sensitivity_to_json(result.sensitivity) if arguments.json else result)
    picture = arguments.output / result.sensitivity.model / PICTURE
    print(f"The picture is {picture}.", file=sys.stderr)
    return 0


def _decibels(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 100:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of dB above 0 and below 100")
    return value
