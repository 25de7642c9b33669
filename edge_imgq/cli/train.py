"""`edge-imgq train`: train a network of the zoo."""

from __future__ import annotations

import argparse
import dataclasses
import shlex
from typing import TYPE_CHECKING, Any, get_args

from edge_imgq.cli.argument_types import positive
from edge_imgq.cli.messages import say
from edge_imgq.cli.options import Subparsers, add_command, add_json, add_threads
from edge_imgq.cli.paths import existing, existing_folder, model, output_folder
from edge_imgq.cli.progress import ProgressDisplay
from edge_imgq.devices.load import processors
from edge_imgq.train.choices import Decay, Device, PaperLoss, PixelLoss, PrecisionChoice

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edge_imgq.api.train import TrainingResult
    from edge_imgq.train.progress import TrainingProgress
    from edge_imgq.train.schedule import Schedule

DETAILS = """\
Train a network of the zoo. DIR/checkpoint.safetensors is written every few minutes, at the end
and on Ctrl-C; pass it to `edge-imgq export`. A run continued with --resume ends with the same
weights as one that was never interrupted.

A data folder contains photographs, which are degraded for the network's task, or pairs in two
folders blur/ and sharp/."""

EXAMPLE = """\
edge-imgq train fsrcnn-x2 --data T91 --data General100 --validation Set5 \\
    --output runs/fsrcnn
edge-imgq train fsrcnn-x2 --data T91 --data General100 --validation Set5 \\
    --output runs/fsrcnn --resume
edge-imgq train fsrcnn-x3 --data T91 --validation Set5 --from fsrcnn-x2 \\
    --output runs/fsrcnn-x3"""

SCHEDULE_OPTIONS = (
    "steps",
    "batch",
    "patch",
    "learning_rate",
    "loss",
    "decay",
    "int8_noise",
    "relu_share",
    "seed",
)
"""Options that are fields of `Schedule`; omitted ones keep the network's default."""


def add(subparsers: Subparsers) -> None:
    """Add the parser of `edge-imgq train` to `subparsers`, with its options and its help."""
    parser = add_command(subparsers, "train", "train a network of the zoo", DETAILS, EXAMPLE)
    _add_run(parser)
    _add_schedule(parser)
    parser.add_argument(
        "--validate-every",
        type=positive,
        default=2000,
        metavar="N",
        help="steps between validations (default 2000)",
    )
    parser.add_argument(
        "--checkpoint-minutes",
        type=float,
        default=3.0,
        metavar="X",
        help="minutes between checkpoints (default 3)",
    )
    parser.add_argument(
        "--then",
        action="append",
        metavar="NAME",
        help="further degradation of the inputs, after their task's: defocus, motion, photons, "
        "noise, phone or jpeg; may be repeated",
    )
    parser.add_argument(
        "--tensorboard", action="store_true", help="also write event files for TensorBoard"
    )
    _add_device(parser)
    add_threads(parser, default=processors())
    add_json(parser)


def _add_device(parser: argparse.ArgumentParser) -> None:
    """Add options for the device and the precision."""
    parser.add_argument(
        "--device",
        choices=get_args(Device),
        default="auto",
        help="device to train on; auto (the default) uses a GPU if PyTorch finds one",
    )
    parser.add_argument(
        "--precision",
        choices=get_args(PrecisionChoice),
        default="auto",
        help="auto (the default): most steps in bfloat16 if the processor or GPU supports it, else "
        "float32; bfloat16: even if it is emulated; float32: always float32",
    )


def _add_run(parser: argparse.ArgumentParser) -> None:
    """Add options for the network, its data, its initial weights and the output folder."""
    parser.add_argument("model", metavar="MODEL", help="a name that `edge-imgq models` lists")
    parser.add_argument(
        "--data",
        type=existing_folder,
        action="append",
        required=True,
        metavar="DIR",
        help="folder of training images; may be repeated",
    )
    parser.add_argument(
        "--validation",
        type=existing_folder,
        metavar="DIR",
        help="folder of held-out images for PSNR",
    )
    parser.add_argument(
        "--output",
        type=output_folder,
        required=True,
        metavar="DIR",
        help="folder for checkpoint and log",
    )
    parser.add_argument(
        "--resume", action="store_true", help="continue the checkpoint in the output folder"
    )
    parser.add_argument(
        "--from",
        dest="start_from",
        type=model,
        metavar="MODEL",
        help="start from the weights of a checkpoint, or of a network that ships",
    )


def _add_schedule(parser: argparse.ArgumentParser) -> None:
    """Add options that override the network's own schedule."""
    parser.add_argument(
        "--steps", type=positive, metavar="N", help="total number of optimiser steps"
    )
    parser.add_argument("--batch", type=positive, metavar="N", help="patches per step")
    parser.add_argument(
        "--patch", type=positive, metavar="N", help="side of an input patch in pixels"
    )
    parser.add_argument(
        "--learning-rate", type=float, metavar="X", help="highest learning rate of Adam"
    )
    parser.add_argument(
        "--loss",
        choices=(*get_args(PixelLoss), *get_args(PaperLoss)),
        metavar="NAME",
        help=f"a loss on pixels: {_either(PixelLoss)}; or a paper's sum of losses: "
        f"{_either(PaperLoss)}",
    )
    parser.add_argument(
        "--features",
        type=existing,
        metavar="FILE",
        help="for the content loss of dped and deblurgan: weights of torchvision's VGG-19, or a "
        "checkpoint of deblur-slim (default: the one that ships)",
    )
    parser.add_argument("--decay", choices=get_args(Decay), help="how the learning rate falls")
    _add_for_int8(parser)
    parser.add_argument(
        "--seed", type=int, metavar="N", help="seed of weights, patches and degradations"
    )


def _add_for_int8(parser: argparse.ArgumentParser) -> None:
    """Add options for networks that will be int8 files."""
    parser.add_argument(
        "--int8-noise",
        type=float,
        metavar="X",
        help="add noise of this width to every intermediate tensor, in int8 steps (4 to 16)",
    )
    parser.add_argument(
        "--relu-share",
        type=float,
        metavar="X",
        help="share of each PReLU's channels that become ReLU, 0 to 1: int8 files then compute "
        "fewer channels",
    )


def _either(names: Any) -> str:
    """Join the values of a Literal with commas and "or"."""
    *others, last = get_args(names)
    return f"{', '.join(others)} or {last}"


def run(arguments: argparse.Namespace) -> int:
    """Train a network and print its checkpoint, steps and PSNR in dB, as a line or JSON; return 0.

    In distributed training only the first process prints.

    Raises:
        EdgeImgqError: the configuration or the images cannot be used, or training diverged; `main`
            prints it and takes its exit code.
        KeyboardInterrupt: Ctrl-C was pressed; the message says how to continue.
    """
    from edge_imgq.api.train import train
    from edge_imgq.train.config import CHECKPOINT

    schedule = _schedule(arguments)
    try:
        with ProgressDisplay() as display:
            result = train(
                arguments.model,
                arguments.data,
                arguments.output,
                validation=arguments.validation,
                schedule=schedule,
                resume=arguments.resume,
                start_from=arguments.start_from,
                features=arguments.features,
                validate_every=arguments.validate_every,
                checkpoint_minutes=arguments.checkpoint_minutes,
                tensorboard=arguments.tensorboard,
                device=arguments.device,
                precision=arguments.precision,
                threads=arguments.threads,
                progress=_reporter(display, arguments.model),
            )
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(_interrupted(arguments.output / CHECKPOINT)) from error
    if not result.rank:
        _show(result, arguments.json)
    return 0


def _schedule(arguments: argparse.Namespace) -> Schedule | None:
    """Return the schedule of the network or checkpoint, with the options that were given.

    None if no option was given, or if there is no checkpoint to resume, which `train` reports.
    """
    from edge_imgq.api.train import training_schedule
    from edge_imgq.train.config import CHECKPOINT

    named = {name: getattr(arguments, name) for name in SCHEDULE_OPTIONS}
    named["then"] = tuple(arguments.then) if arguments.then else None
    given = {name: value for name, value in named.items() if value is not None}
    checkpoint = arguments.output / CHECKPOINT
    if not given or (arguments.resume and not checkpoint.is_file()):
        return None
    base = training_schedule(checkpoint if arguments.resume else arguments.model)
    return dataclasses.replace(base, **given)


def _interrupted(checkpoint: Path) -> str:
    if not checkpoint.exists():
        return "Interrupted before the first step; nothing was written."
    return f"Interrupted. {checkpoint} is whole; the same command with --resume goes on from it."


def _reporter(display: ProgressDisplay, model: str) -> Callable[[TrainingProgress], None]:
    from edge_imgq.pipeline.progress import ProgressStep

    def report(progress: TrainingProgress) -> None:
        if progress.validation_psnr is not None:
            display.note(f"step {progress.step}: {progress.validation_psnr:.3f} dB")
        loss = "" if progress.loss is None else f", loss {progress.loss:.5f}"
        speed = f", {progress.pixels_per_second / 1e6:.2f} Mpixel/s"
        display(ProgressStep(f"train {model}", progress.step, progress.steps), loss + speed)

    return report


def _show(result: TrainingResult, as_json: bool) -> None:
    for one in result.left_out:
        say(f"left out {one.path}: {one.reason}")
    if result.left_out:
        say(f"left out in all: {len(result.left_out)}")
    if as_json:
        from edge_imgq.report.json_form import to_json

        document = {
            "checkpoint": str(result.checkpoint),
            "step": result.step,
            "validation_psnr": result.psnr,
            "left_out": [{"path": str(s.path), "reason": s.reason} for s in result.left_out],
        }
        print(to_json(document))
        return
    print(result)
    say(f"Next: edge-imgq export {shlex.quote(str(result.checkpoint))} --target tflite")
