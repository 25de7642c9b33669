"""Label-free quantization-aware fine-tuning of integer weights and biases.

The QDQ graph is run in torch (`edge_imgq.quantize.torch.torch_graph`) and its output compared with
that of the float model on patches of the calibration images; no ground truth is used. Weights and
biases are parametrized in levels and optimized by Adam with a decreasing rate; the gradient passes
straight through every rounding. Scales and zero points stay fixed: ranges cover whole calibration
images although only patches are used here, and all runtimes still round alike.

The loss is the mean over patches of log(mean squared error + 0.1 level²): a decibel counts the same
in a smooth patch as in a busy one, and invisible errors count little. Patches are randomly flipped,
transposed and changed in contrast and brightness; the float model provides the targets for these
too.

Straight-through estimator: Bengio et al., 2013. Training on the float model's output: Hinton et
al., "Distilling the Knowledge in a Neural Network", 2015.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx_ir as ir
import torch
from torch import Tensor

from edge_imgq.artifact import output_errors
from edge_imgq.quantize.steps.adam import Adam
from edge_imgq.quantize.torch.torch_graph import TorchGraph

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Batch = NDArray[np.float32]

RATE = 0.05
"""Initial learning rate of weights, in levels per step."""

BIAS_RATE = 0.01
"""Initial learning rate of biases, in levels of the layer's output per step."""

WARM_UP = 20
NEGLIGIBLE = 0.1
"""Squared error of a patch, in squared levels, below which the loss hardly decreases."""

MIN_CONTRAST = 0.4
SEED = 0
FORM = 2
"""Version of the state file; files of other versions are not resumed."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Lesson:
    """Training data and settings of fine-tuning.

    Attributes:
        patches: network inputs to train on, float32 (N, C, H, W), 0 … peak.
        held_out: network inputs on which the best step is selected, float32 (M, C, H, W), 0 … peak.
        peak: float value of pixel 255.
        steps: number of optimizer steps.
        state: file that holds the state while the run lasts, to resume it; None for no file.
        one_by_one: use one patch per step, for graphs that take no batches.
        step_pixels: input pixels per step, height × width of all its patches; at least one patch.
        judged_every: steps from one measurement on `held_out`, which also saves the state, to the
            next.
    """

    patches: Batch
    held_out: Batch
    peak: float
    steps: int
    state: Path | None = None
    one_by_one: bool = False
    step_pixels: int = 2 * 96 * 96
    judged_every: int = 50


def tune(original: ir.Model, quantized: ir.Model, lesson: Lesson, progress: Progress) -> None:
    """Fine-tune the integer weights and biases of a QDQ model by gradient descent, in place.

    Targets are the float model's outputs; scales and zero points stay. The result is the best of
    the start, every 50th step and the last by the loss on the held-out patches, so that loss never
    increases. Random choices have a fixed seed. An interrupted run resumes from `lesson.state` if
    that file is of the same graph and lesson; it is deleted at the end.

    Args:
        original: float model; it is not changed.
        quantized: its QDQ graph, with the same node names.
        lesson: patches, number of steps and state file.
        progress: called before each step with the number of steps done and their total.

    Raises:
        NotCoveredError: an operator has no torch implementation.
        OutputError: the state cannot be written.
    """
    run = _Run(TorchGraph(original), TorchGraph(quantized), lesson)
    run.resume()
    while run.done < lesson.steps:
        progress(run.done, lesson.steps)
        run.step()
        if run.done % lesson.judged_every == 0 or run.done == lesson.steps:
            run.judge()
            run.save()
    run.finish()


class _Run:
    """State of a fine-tuning run."""

    def __init__(self, teacher: TorchGraph, student: TorchGraph, lesson: Lesson) -> None:
        self.done = 0
        self._teacher, self._student, self._lesson = teacher.requires_grad_(False), student, lesson
        self._patches = torch.from_numpy(lesson.patches)
        self._held_out = torch.from_numpy(lesson.held_out)
        self._learned = student.weights(), student.biases()
        self._descents = [Adam(values, (0.9, 0.99)) for values in self._learned]
        self._key = _digest(student, lesson)
        self._best, self._least = student.state_dict_copy(), self._judged()

    def step(self) -> None:
        """Take one optimizer step; its random choices depend only on its number."""
        generator = torch.Generator().manual_seed(SEED + self.done)
        images = _varied(self._drawn(generator), self._lesson.peak, generator)
        falling = _falling(self.done, self._lesson.steps)
        weights, biases = self._learned
        slopes = torch.autograd.grad(
            self._loss(images), [*weights, *biases], allow_unused=True, materialize_grads=True
        )
        groups = slopes[: len(weights)], slopes[len(weights) :]
        for descent, group, rate in zip(self._descents, groups, (RATE, BIAS_RATE), strict=True):
            descent.step(group, rate * falling)
        self.done += 1

    def judge(self) -> None:
        """Keep a copy of the parameters if no earlier loss on the held-out patches is as low."""
        loss = self._judged()
        if loss < self._least:
            self._best, self._least = self._student.state_dict_copy(), loss

    def finish(self) -> None:
        """Write the parameters of least held-out loss into the graph; delete the state file."""
        self._student.load_state_dict(self._best)
        self._student.write_back()
        if self._lesson.state is not None:
            self._lesson.state.unlink(missing_ok=True)

    def save(self) -> None:
        """Write the run's state to `lesson.state`, atomically, for `resume`; nothing if it is None.

        Missing folders are created, and an earlier state is replaced.

        Raises:
            OutputError: it cannot be written; an earlier state is unchanged.
        """
        path = self._lesson.state
        if path is None:
            return
        with output_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(path.name + ".partial")
            torch.save(self._state(), partial)
            partial.replace(path)

    def resume(self) -> None:
        """Continue from the state that `save` wrote, if it is of the same graph and lesson.

        Otherwise, or without a file, nothing changes. An unreadable file raises what `torch.load`
        raises.
        """
        path = self._lesson.state
        if path is None or not path.is_file():
            return
        state: dict[str, Any] = torch.load(path, weights_only=True)
        if state.get("key") != self._key:
            return
        self._student.load_state_dict(state["student"])
        for descent, averages in zip(self._descents, state["averages"], strict=True):
            descent.load(averages)
        self._best, self._least, self.done = state["best"], state["least"], state["done"]

    def _state(self) -> dict[str, Any]:
        return {
            "key": self._key,
            "student": self._student.state_dict(),
            "averages": [descent.state() for descent in self._descents],
            "best": self._best,
            "least": self._least,
            "done": self.done,
        }

    def _drawn(self, generator: torch.Generator) -> Tensor:
        area = self._patches.shape[2] * self._patches.shape[3]
        count = 1 if self._lesson.one_by_one else max(self._lesson.step_pixels // area, 1)
        return self._patches[torch.randint(len(self._patches), (count,), generator=generator)]

    def _loss(self, images: Tensor) -> Tensor:
        peak = self._lesson.peak
        with torch.no_grad():
            wanted = self._teacher(images).clamp(0, peak)
        difference = (self._student(images) - wanted) * (255 / peak)
        return torch.log(difference.square().mean((1, 2, 3)) + NEGLIGIBLE).mean()

    @torch.no_grad()
    def _judged(self) -> float:
        losses = [float(self._loss(patch[None])) for patch in self._held_out]
        return sum(losses) / len(losses)


def _falling(step: int, steps: int) -> float:
    """Return the learning rate factor: linear warm-up, then cosine decay to zero."""
    return min(1.0, (step + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * step / steps))


def _varied(images: Tensor, peak: float, generator: torch.Generator) -> Tensor:
    """Flip, transpose and change contrast and brightness at random, within 0 … peak."""
    choices = torch.rand(3, generator=generator)
    if choices[0] < 0.5:
        images = images.flip(3)
    if choices[1] < 0.5:
        images = images.flip(2)
    if choices[2] < 0.5 and images.shape[2] == images.shape[3]:
        images = images.transpose(2, 3)
    shape = (len(images), 1, 1, 1)
    contrast = MIN_CONTRAST + (1 - MIN_CONTRAST) * torch.rand(shape, generator=generator)
    contrast = torch.where(torch.rand(shape, generator=generator) < 0.5, 1.0, contrast)
    floor = (1 - contrast) * peak * torch.rand(shape, generator=generator)
    # Round to whole levels, like the pixels of a photograph.
    return ((images * contrast + floor) * (255 / peak)).round() * (peak / 255)


def _digest(student: TorchGraph, lesson: Lesson) -> str:
    """Hash the initial parameters, the patches and the settings that identify a run."""
    digest = hashlib.sha256(str((FORM, lesson.steps, lesson.peak, lesson.step_pixels)).encode())
    for tensor in student.state_dict().values():
        digest.update(tensor.numpy().tobytes())
    digest.update(lesson.patches.tobytes())
    return digest.hexdigest()
