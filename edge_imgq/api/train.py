"""`edge_imgq.train`: a network of the zoo learns from folders of photographs."""

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
    """What a run of training left. `open` and `export` take it as they take its checkpoint.

    Attributes:
        model: the network's name.
        checkpoint: file with the weights.
        step: steps taken.
        psnr: mean PSNR in dB after the last step; None without validation images.
        validations: each validation of this part of the run: the step, and the mean PSNR in dB.
        left_out: files that could not be read, each with its reason.
        rank: of the process, where several train; the first one is 0.
    """

    model: str
    checkpoint: Path
    step: int
    psnr: float | None
    validations: tuple[tuple[int, float], ...]
    left_out: tuple[LeftOut, ...] = ()
    rank: int = 0

    def __fspath__(self) -> str:
        """Return the checkpoint's path as text."""
        return str(self.checkpoint)

    def __str__(self) -> str:
        """Return the line that the command prints."""
        psnr = "" if self.psnr is None else f", {self.psnr:.3f} dB"
        return f"{self.checkpoint}: step {self.step}{psnr}"

    def _repr_html_(self) -> str:
        from edge_imgq.report.notebook import paragraph, table

        parts = [paragraph(f"{self.model}: {self}", bold=True)]
        if self.validations:
            rows = [(str(step), f"{psnr:.3f}") for step, psnr in self.validations]
            parts.append(table((">step", ">dB on the validation images"), rows))
        parts += [paragraph(f"left out {one.path}: {one.reason}") for one in self.left_out]
        return "".join(parts)


def training_schedule(model: AnyPath) -> Schedule:
    """Return how a network learns: `dataclasses.replace` makes another of it.

    Args:
        model: name of a network that `edge-imgq models` lists, for its own schedule; or a
            checkpoint, for that of its run.

    Raises:
        UsageError: there is no such network.
        ModelError: the checkpoint cannot be read.
    """
    path = Path(model)
    if path.suffix.lower() != ".safetensors":
        return default_schedule(str(model))
    if not path.is_file():
        raise ModelError(f"There is no checkpoint {path}.")
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

    The checkpoint is written every few minutes, at the end and on Ctrl-C. A run that is continued
    ends with the weights of one that was never stopped.

    Args:
        model: a name that `edge-imgq models` lists.
        data: folder of training images, or several: photographs, which are degraded here as the
            network's task asks, or two folders `blur/` and `sharp/` with pairs.
        output: folder for checkpoint and log.
        validation: folder of held-out images for PSNR; None for none.
        schedule: how it learns; None for the network's own, or for that of the run that goes on:
            see `training_schedule`.
        resume: whether the checkpoint in the output folder is continued; without it, one that is
            there is refused.
        start_from: weights to begin with: a checkpoint, or the name of a network that ships.
        features: for the losses "dped" and "deblurgan": weights of torchvision's VGG-19, or a
            checkpoint of deblur-slim; None for the one that ships.
        validate_every: steps between two validations.
        checkpoint_minutes: between two checkpoints.
        tensorboard: whether event files are written too.
        device: where it learns: "cpu", "cuda", or "auto" for a GPU where PyTorch sees one.
        precision: "auto", "bfloat16" even where it is emulated, or "float32" for every step.
        threads: processor threads; None for as many as there are.
        progress: told twice a second where the run stands, and of each validation.

    Raises:
        UsageError: there is no such network, a number is out of its range, or the schedule is not
            that of the checkpoint's steps.
        ImageError: no training image can be used.
        ModelError: there is no checkpoint to continue, it is damaged, or training diverged.
        KeyboardInterrupt: Ctrl-C was pressed; the checkpoint is written.
    """
    from edge_imgq.artifact import no_empty_folders
    from edge_imgq.train.config import TrainConfig, check_config

    place = Path(output)
    how = _schedule(model, place, schedule, resume=resume)
    config = TrainConfig(
        model=model,
        data=as_paths(data),
        output=place,
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
    with no_empty_folders(place):
        return _run(config, progress)


def _run(
    config: TrainConfig, progress: Callable[[TrainingProgress], None] | None
) -> TrainingResult:
    """Train, and gather the validations on the way."""
    from edge_imgq.train.loop import train as run

    validations: list[tuple[int, float]] = []

    def report(now: TrainingProgress) -> None:
        if now.validation_psnr is not None:
            validations.append((now.step, now.validation_psnr))
        if progress is not None:
            progress(now)

    found = run(config, report)
    return TrainingResult(
        model=config.model,
        checkpoint=found.checkpoint,
        step=found.step,
        psnr=found.validation_psnr,
        validations=tuple(validations),
        left_out=found.left_out,
        rank=found.rank,
    )


def _schedule(model: str, output: Path, given: Schedule | None, *, resume: bool) -> Schedule:
    """Return how a network learns.

    Raises:
        UsageError: there is a checkpoint that is not to be continued.
        ModelError: there is none to continue.
    """
    from edge_imgq.train.config import CHECKPOINT

    checkpoint = output / CHECKPOINT
    if resume and not checkpoint.is_file():
        raise ModelError(f"There is no checkpoint {checkpoint} to resume; leave out --resume.")
    if not resume and checkpoint.exists():
        raise UsageError(
            f"{checkpoint} exists already. Continue it with --resume, or choose another --output."
        )
    return given or training_schedule(checkpoint if resume else model)


def _origin(start_from: AnyPath | None) -> Path | None:
    """Return the file of weights to begin with."""
    from edge_imgq.models.zoo import ZOO, weights_path

    if start_from is None:
        return None
    name = str(start_from)
    return weights_path(name) if name in ZOO else Path(start_from)
