"""`edge_imgq.train`: train a network of the zoo on folders of photographs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.api.arguments import AnyPath, as_path, as_paths
from edge_imgq.devices.load import processors
from edge_imgq.errors import ModelError, UsageError
from edge_imgq.train.progress import TrainingProgress
from edge_imgq.train.schedule import Schedule, default_schedule

if TYPE_CHECKING:
    from edge_imgq.train.choices import Device, PrecisionChoice
    from edge_imgq.train.config import TrainConfig
    from edge_imgq.train.pairs import LeftOut


@dataclass(frozen=True)
class TrainingResult:
    """Result of a training run. It is path-like: `open` and `export` take it as its checkpoint.

    Attributes:
        model: name of the network.
        checkpoint: path of the file with the weights.
        step: number of steps taken.
        psnr: mean PSNR in dB after the last step; None without validation images.
        validations: (step, mean PSNR in dB) of each validation in this call.
        left_out: files that could not be read, each with its reason.
        rank: rank of the process in distributed training; 0 for the first or only one.
        begun_at: steps that a resumed checkpoint had before this call.
        relu_channels: number of PReLU channels that are ReLU, and of all PReLU channels; None if
            the schedule asks for no share of ReLU.
    """

    model: str
    checkpoint: Path
    step: int
    psnr: float | None
    validations: tuple[tuple[int, float], ...]
    left_out: tuple[LeftOut, ...] = ()
    rank: int = 0
    begun_at: int = 0
    relu_channels: tuple[int, int] | None = None

    def __fspath__(self) -> str:
        """Return the checkpoint's path as a string."""
        return str(self.checkpoint)

    def __str__(self) -> str:
        """Return the line that the command line prints."""
        psnr = "" if self.psnr is None else f", {self.psnr:.3f} dB"
        done = ", the last of its schedule, as before" if self.step == self.begun_at else ""
        relu = ""
        if self.relu_channels is not None:
            relu = ", {} of {} PReLU channels are ReLU".format(*self.relu_channels)
        return f"{self.checkpoint}: step {self.step}{psnr}{relu}{done}"

    def _repr_html_(self) -> str:
        from edge_imgq.report.notebook import paragraph, table

        elements = [paragraph(f"{self.model}: {self}", bold=True)]
        if self.validations:
            rows = [(str(step), f"{psnr:.3f}") for step, psnr in self.validations]
            elements.append(table((">step", ">dB on the validation images"), rows))
        elements += [paragraph(f"left out {one.path}: {one.reason}") for one in self.left_out]
        return "".join(elements)


def training_schedule(model: AnyPath) -> Schedule:
    """Return the training schedule of a network or checkpoint; vary it with `dataclasses.replace`.

    Args:
        model: name of a network listed by `edge-imgq models`, for its default schedule; or path of
            a checkpoint (.safetensors), for the schedule of its run.

    Raises:
        UsageError: the network does not exist.
        ModelError: the checkpoint cannot be read.
    """
    path = Path(model)
    if path.suffix.lower() != ".safetensors":
        return default_schedule(str(model))
    if not path.is_file():
        raise ModelError(
            f"There is no checkpoint {path}; `train` writes checkpoint.safetensors into its output."
        )
    from edge_imgq.train.checkpoint import read_checkpoint

    return read_checkpoint(path)[0].schedule


def train(
    model: str,
    data: AnyPath | Iterable[AnyPath],
    output: AnyPath,
    *,
    validation: AnyPath | None = None,
    schedule: Schedule | None = None,
    resume: bool = False,
    start_from: AnyPath | None = None,
    features: AnyPath | None = None,
    validate_every: int = 2000,
    checkpoint_minutes: float = 3.0,
    tensorboard: bool = False,
    device: Device = "auto",
    precision: PrecisionChoice = "auto",
    threads: int | None = None,
    progress: Callable[[TrainingProgress], None] | None = None,
) -> TrainingResult:
    """Train a network of the zoo, and write `checkpoint.safetensors` and `log.jsonl`.

    The checkpoint is written every few minutes, at the end and on Ctrl-C. A resumed run ends with
    the same weights as an uninterrupted one.

    Args:
        model: name of a network listed by `edge-imgq models`.
        data: folder of training images, or several: photographs, which are degraded as the
            network's task defines, or two folders `blur/` and `sharp/` of pairs.
        output: folder for checkpoint and log.
        validation: folder of held-out images for PSNR; None for none.
        schedule: training schedule; None for the network's default, or for that of a resumed run.
            See `training_schedule`.
        resume: True to continue the checkpoint in `output`; if False, an existing one is an error.
        start_from: initial weights: a checkpoint, or the name of a network that ships; None for
            random ones. Ignored if `resume` is True.
        features: for the losses "dped" and "deblurgan": weights of torchvision's VGG-19, or a
            checkpoint of deblur-slim; None for the one that ships.
        validate_every: steps between validations.
        checkpoint_minutes: minutes between checkpoints.
        tensorboard: True to also write event files for TensorBoard.
        device: "cpu", "cuda", or "auto" for a GPU if PyTorch has one.
        precision: "auto"; "bfloat16", even if it is emulated; or "float32" for every step.
        threads: processor threads; None for all processors.
        progress: called twice a second with the state of the run, and after each validation.

    Returns:
        The path of the checkpoint, which `open` and `export` take, and the validation PSNR in dB.

    Raises:
        UsageError: the network does not exist, a number is out of range, `output` holds a
            checkpoint that is not resumed, or the schedule contradicts the checkpoint's steps.
        ImageError: no training image can be used.
        ModelError: the checkpoint is missing or damaged, or training diverged.
        KeyboardInterrupt: Ctrl-C was pressed; the checkpoint is written.
        OutputError: the output folder cannot be used.
        RuntimeUnavailableError: `tensorboard` is True and the package is not installed.
    """
    from edge_imgq.artifact import no_empty_folders
    from edge_imgq.train.config import TrainConfig, check_config

    folder = Path(output)
    how = _schedule(model, folder, schedule, resume=resume)
    config = TrainConfig(
        model=model,
        data=as_paths(data),
        output=folder,
        schedule=replace(how, bfloat16_until=0.0) if precision == "float32" else how,
        start_from=None if resume else _origin(start_from),
        validation=as_path(validation),
        threads=threads or processors(),
        checkpoint_minutes=checkpoint_minutes,
        validate_every=validate_every,
        tensorboard=tensorboard,
        features=as_path(features),
        device=device,
        precision=precision,
    )
    check_config(config)  # before torch is imported, which takes seconds
    with no_empty_folders(folder):
        return _run(config, progress)


def _run(
    config: TrainConfig, progress: Callable[[TrainingProgress], None] | None
) -> TrainingResult:
    """Train, and collect the validations."""
    from edge_imgq.train.loop import train as run

    validations: list[tuple[int, float]] = []

    def report(now: TrainingProgress) -> None:
        if now.validation_psnr is not None:
            validations.append((now.step, now.validation_psnr))
        if progress is not None:
            progress(now)

    result = run(config, report)
    return TrainingResult(
        model=config.model,
        checkpoint=result.checkpoint,
        step=result.step,
        psnr=result.validation_psnr,
        validations=tuple(validations),
        left_out=result.left_out,
        rank=result.rank,
        begun_at=result.begun_at,
        relu_channels=result.relu_channels,
    )


def _schedule(model: str, output: Path, given: Schedule | None, *, resume: bool) -> Schedule:
    """Return the training schedule of a new or resumed run.

    Raises:
        UsageError: a checkpoint exists and `resume` is False.
        ModelError: `resume` is True and there is no checkpoint.
    """
    from edge_imgq.train.config import CHECKPOINT

    checkpoint = output / CHECKPOINT
    if resume and not checkpoint.is_file():
        raise ModelError(
            f"There is no checkpoint {checkpoint} to resume; leave --resume out to begin."
        )
    if not resume and checkpoint.exists():
        raise UsageError(
            f"{checkpoint} exists already. Continue it with --resume, or choose another --output."
        )
    return given or training_schedule(checkpoint if resume else model)


def _origin(start_from: AnyPath | None) -> Path | None:
    """Return the path of the initial weights; None for random ones."""
    from edge_imgq.models.zoo import ZOO, weights_path

    if start_from is None:
        return None
    name = str(start_from)
    return weights_path(name) if name in ZOO else Path(start_from)
