"""The training loop."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import torch

from edge_imgq.artifact import compiler_folder, write_errors
from edge_imgq.errors import ModelError, UsageError
from edge_imgq.models.assessor import DegradationNet
from edge_imgq.models.zoo import ZooEntry, zoo_entry
from edge_imgq.train.checkpoint import RunState, read_checkpoint, write_checkpoint
from edge_imgq.train.config import CHECKPOINT, TrainConfig, check_config
from edge_imgq.train.device import schedule_on, training_device
from edge_imgq.train.events import event_writer
from edge_imgq.train.interrupt import deferred_interrupt
from edge_imgq.train.labelled_crops import CropSampler, load_crops
from edge_imgq.train.learner import Learner, new_learner, relu_channels
from edge_imgq.train.learner_state import learner_tensors, restore_learner
from edge_imgq.train.objective import MeasuresObjective, Objective, new_objective
from edge_imgq.train.pairs import LeftOut, Pair, Recipe, load_pairs
from edge_imgq.train.patches import BatchSampler
from edge_imgq.train.phases import learning_rate, same_until
from edge_imgq.train.progress import TrainingProgress
from edge_imgq.train.validate import mean_psnr
from edge_imgq.train.warm_start import warm_start
from edge_imgq.train.workers import Workers, joined_workers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import nn

    from edge_imgq.train.schedule import Schedule

LOG = "log.jsonl"
REPORT_SECONDS = 0.5
VALIDATION_SEED = 20_000


@dataclass(frozen=True)
class TrainResult:
    """Result of a finished run.

    Attributes:
        checkpoint: Path of the checkpoint, which `edge-imgq export` reads.
        step: Steps taken.
        validation_psnr: Mean PSNR after the last step in dB, or None without validation images.
        left_out: Unreadable files, each with the reason.
        rank: Index of this process; 0 is the first.
        begun_at: Steps that the checkpoint had before.
        relu_channels: Number of PReLU channels that are ReLU, and of all PReLU channels; None if
            the schedule asks for no share of ReLU.
    """

    checkpoint: Path
    step: int
    validation_psnr: float | None
    left_out: tuple[LeftOut, ...]
    rank: int = 0
    begun_at: int = 0
    relu_channels: tuple[int, int] | None = None


def train(config: TrainConfig, on_progress: Callable[[TrainingProgress], None]) -> TrainResult:
    """Train a network of the zoo, resuming the checkpoint in `config.output` if there is one.

    A run that is stopped at any step and resumed ends with the same weights as an uninterrupted one
    (bit-exact on one CPU thread). Ctrl-C finishes the step, writes a checkpoint and is raised
    again. Processes started by `torchrun` share each batch; the first one reports and writes. The
    checkpoint and `log.jsonl` are in `config.output`, which is created.

    Args:
        config: configuration of the run.
        on_progress: called with each report, in the first process.

    Raises:
        UsageError: The configuration is invalid, or contradicts the checkpoint.
        ImageError: No training image can be used, or none is as large as a patch.
        ModelError: The loss became infinite or NaN, or the checkpoint is damaged.
        OutputError: The output folder cannot be written.
        RuntimeUnavailableError: A GPU is requested and there is none.
        KeyboardInterrupt: Ctrl-C was pressed; the checkpoint is written.
    """
    check_config(config)
    with write_errors(config.output):
        config.output.mkdir(parents=True, exist_ok=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(config.threads)
    try:
        device = training_device(config.device)
        with compiler_folder(), joined_workers(config.schedule.batch, device) as workers:
            curves = config.output if config.tensorboard and not workers.rank else None
            with event_writer(curves) as write:
                return _Run(config, _also_written(on_progress, write), workers, device).finish()
    finally:
        torch.set_num_threads(threads)


class _Run:
    """One session of a run: from the start or a checkpoint to the last step or an interruption."""

    def __init__(
        self,
        config: TrainConfig,
        on_progress: Callable[[TrainingProgress], None],
        workers: Workers,
        device: torch.device,
    ) -> None:
        self._config, self._report, self._workers = config, on_progress, workers
        self._entry = zoo_entry(config.model)
        schedule = config.schedule
        self._learner, self._state = _start(config, self._entry, workers, device)
        self._rng = np.random.default_rng()
        self._rng.bit_generator.state = self._state.rng
        recipe = Recipe(
            schedule.seed, schedule.scales, schedule.versions, schedule.pair_weight, schedule.then
        )
        network = self._learner.network
        self._sampler, self._left_out = _training_sampler(config, self._entry, recipe, network)
        if isinstance(self._sampler, CropSampler) and not self._state.step:
            self._learner.standardise(self._sampler.all)
        self._validation = self._load_validation()
        self._step, self._best = self._state.step, self._state.best
        self._seconds = self._state.seconds
        self._losses: list[float] = []
        self._saved, self._reported = time.monotonic(), 0.0

    def finish(self) -> TrainResult:
        """Take all remaining steps, with reports, validations and checkpoints; return the result.

        Raises:
            ModelError: the loss became infinite or NaN.
            KeyboardInterrupt: Ctrl-C was pressed; the checkpoint is written.
        """
        with deferred_interrupt() as interrupted:
            while self._step < self._config.schedule.steps:
                self._take_step()
                if not self._workers.rank:
                    self._report_and_save()
                if self._workers.any(interrupted.is_set()):
                    self._stop()
        last = None
        if not self._workers.rank:
            last = self._validate()
            self._save()
        self._workers.wait()
        checkpoint, rank = self._config.output / CHECKPOINT, self._workers.rank
        begun_at, channels = self._state.step, self._relu_channels()
        return TrainResult(checkpoint, self._step, last, self._left_out, rank, begun_at, channels)

    def _stop(self) -> NoReturn:
        """Write a checkpoint and raise KeyboardInterrupt."""
        if not self._workers.rank:
            self._save()
        self._workers.wait()
        raise KeyboardInterrupt

    def _report_and_save(self) -> None:
        """Validate, report and save as due after a step; `finish` does the last validation."""
        now = time.monotonic()
        if self._step % self._config.validate_every == 0:
            if self._step < self._config.schedule.steps:
                self._validate()
        elif now - self._reported > REPORT_SECONDS:
            self._report(self._progress(None))
            self._reported = now
        if now - self._saved > 60 * self._config.checkpoint_minutes:
            self._save()
            self._saved = now

    def _take_step(self) -> None:
        started = time.monotonic()
        batch = self._workers.share(self._sampler.draw(self._rng))
        loss = self._learner.step(batch, self._step)
        if not math.isfinite(loss):
            raise ModelError(
                f"The loss is not finite at step {self._step}; the last checkpoint is in "
                f"{self._config.output}. Train with a smaller learning rate."
            )
        self._losses.append(loss)
        self._step += 1
        self._seconds += time.monotonic() - started

    def _validate(self) -> float | None:
        """Measure the PSNR of the averaged weights in dB and report it.

        It is appended to the log if a step was taken since the run was resumed.
        """
        psnr = None
        if self._validation:
            shave = self._entry.scale if self._entry.scale > 1 else 0
            psnr = mean_psnr(self._learner.average, self._validation, shave=shave)
            self._best = max(psnr, self._best or -math.inf)
        progress = self._progress(psnr)
        if self._step > self._state.step:
            self._log(progress)
        self._report(progress)
        return psnr

    def _log(self, progress: TrainingProgress) -> None:
        """Append a line to the log, without what is not known."""
        line = {**vars(progress), "seconds": round(self._seconds, 1)}
        line["relu_channels"] = self._relu_channels()
        known = {name: value for name, value in line.items() if value is not None}
        _append(self._config.output / LOG, known)

    def _relu_channels(self) -> tuple[int, int] | None:
        """Count the ReLU channels of the averaged weights and all PReLU channels, if asked for."""
        return relu_channels(self._learner.average) if self._config.schedule.relu_share else None

    def _progress(self, psnr: float | None) -> TrainingProgress:
        loss = float(np.mean(self._losses)) if self._losses else None
        self._losses.clear()
        schedule = self._config.schedule
        pixels = self._step * schedule.batch * schedule.patch**2
        return TrainingProgress(
            step=self._step,
            steps=schedule.steps,
            loss=loss,
            learning_rate=learning_rate(schedule, max(0, self._step - 1)),
            validation_psnr=psnr,
            pixels_per_second=pixels / max(self._seconds, 1e-9),
        )

    def _save(self) -> None:
        state = RunState(
            model=self._entry.name,
            step=self._step,
            schedule=self._config.schedule,
            rng=dict(self._rng.bit_generator.state),
            seconds=self._seconds,
            best=self._best,
        )
        write_checkpoint(self._config.output / CHECKPOINT, learner_tensors(self._learner), state)

    def _load_validation(self) -> tuple[Pair, ...]:
        if self._config.validation is None:
            return ()
        recipe = Recipe(VALIDATION_SEED, then=self._config.schedule.then)
        return load_pairs((self._config.validation,), self._entry, recipe).pairs


def _training_sampler(
    config: TrainConfig, entry: ZooEntry, recipe: Recipe, network: nn.Module
) -> tuple[BatchSampler | CropSampler, tuple[LeftOut, ...]]:
    """Return the sampler of training batches, and the unreadable files."""
    schedule = config.schedule
    if entry.task == "assessment":
        crops = load_crops(config.data, recipe, schedule.patch)
        assert isinstance(network, DegradationNet)
        return CropSampler(crops, network, schedule.batch), crops.left_out
    training = load_pairs(config.data, entry, recipe)
    sampler = BatchSampler(
        training.pairs, schedule.batch, schedule.patch, entry.scale, schedule.grid
    )
    return sampler, training.left_out


def _start(
    config: TrainConfig, entry: ZooEntry, workers: Workers, device: torch.device
) -> tuple[Learner, RunState]:
    """Start a new learner, or resume the checkpoint in the output folder."""
    schedule, path = config.schedule, config.output / CHECKPOINT
    with torch.random.fork_rng():
        torch.manual_seed(schedule.seed)
        network = entry.build()
    if config.start_from is not None:
        warm_start(network, config.start_from)
    network.to(device)
    objective = _objective(config, entry, workers, device)
    computed = schedule_on(device, schedule, config.precision)
    learner = new_learner(network, copy.deepcopy(network), computed, workers, objective)
    if not path.exists():
        rng = np.random.default_rng(schedule.seed).bit_generator.state
        return learner, RunState(entry.name, 0, schedule, dict(rng), 0.0, None)
    state, tensors = read_checkpoint(path)
    _refuse_another_past(path, state, entry.name, schedule)
    restore_learner(learner, tensors, path)
    return learner, state


def _objective(
    config: TrainConfig, entry: ZooEntry, workers: Workers, device: torch.device
) -> Objective:
    """Return the objective of the run."""
    if entry.task == "assessment":
        return MeasuresObjective()
    schedule = config.schedule
    return new_objective(
        schedule,
        channels=1 if entry.colour == "y" else 3,
        side=schedule.patch * entry.scale,
        features=config.features,
        workers=workers,
        device=device,
    )


def _refuse_another_past(path: Path, state: RunState, model: str, schedule: Schedule) -> None:
    """Check that the steps taken so far are those of the requested schedule.

    Raises:
        UsageError: The model or the schedule of past steps differs.
    """
    if state.model != model:
        raise UsageError(f"{path} is of {state.model}; choose another output folder for {model}.")
    if not same_until(state.schedule, schedule, state.step):
        changed = [
            f"{field.name} {getattr(state.schedule, field.name)}"
            for field in dataclasses.fields(schedule)
            if getattr(state.schedule, field.name) != getattr(schedule, field.name)
        ]
        raise UsageError(
            f"{path} was trained for {state.step} steps with another schedule "
            f"({', '.join(changed)}), which would have led elsewhere. Continue it with the same "
            f"options, or begin with its weights: --from {path} and another --output. More steps "
            "are possible where --decay constant is."
        )


def _also_written(
    report: Callable[[TrainingProgress], None], write: Callable[[str, float, int], None]
) -> Callable[[TrainingProgress], None]:
    """Return a report function that also writes the curves."""

    def both(progress: TrainingProgress) -> None:
        report(progress)
        write("learning rate", progress.learning_rate, progress.step)
        if progress.loss is not None:
            write("loss", progress.loss, progress.step)
        if progress.validation_psnr is not None:
            write("validation PSNR, dB", progress.validation_psnr, progress.step)

    return both


def _append(log: Path, line: dict[str, object]) -> None:
    with write_errors(log), log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
