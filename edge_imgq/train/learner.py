"""One optimiser step, and everything that it changes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from edge_imgq.models.fsrcnn import FSRCNN
from edge_imgq.train.config import Loss, Schedule, precision_at
from edge_imgq.train.workers import Workers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_imgq.train.patches import Batch

# Squared errors of images in [0, 1] have gradients about 30 times smaller than absolute ones;
# Adam's second moments need not forget when the loss changes.
SQUARED_WEIGHT = 30.0
CHARBONNIER_EPSILON = 1e-3
BETAS = (0.9, 0.99)
ALONE = Workers()


@dataclass(frozen=True)
class Learner:
    """A network in training: its weights, their moving average and the optimiser's moments."""

    network: nn.Module
    average: nn.Module
    optimiser: torch.optim.Adam
    schedule: Schedule
    forward: Callable[[Tensor], Tensor]

    def step(self, batch: Batch, step: int) -> float:
        """Take step number `step` (from 0) on a batch and return its loss.

        The loss is not finite where training has diverged; the weights are then left alone.
        """
        rate = learning_rate(self.schedule, step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self._choose_layers(step)
        degraded, truth = _to_float(batch.degraded), _to_float(batch.truth)
        bfloat16 = precision_at(self.schedule, step) == "bfloat16"
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
            restored = self.forward(degraded)
        late = step >= self.schedule.squared_from * self.schedule.steps
        error = LOSSES["squared" if late else self.schedule.loss]
        loss = shared_loss(error, restored.float() - truth, self.schedule.luma_share)
        if not math.isfinite(loss.item()):
            return math.nan
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        hold_slopes(self.network)
        self._update_average(step)
        return float(loss.item())

    def _choose_layers(self, step: int) -> None:
        """Let the last layer alone learn at first, where the schedule asks for it."""
        head_alone = step < self.schedule.head_until * self.schedule.steps
        for parameter in self.network.parameters():
            parameter.requires_grad_(not head_alone)
        if head_alone:
            last_layer(self.network).requires_grad_(True)

    @torch.no_grad()
    def _update_average(self, step: int) -> None:
        """Move the average; early on it follows faster, so that it forgets the initial weights."""
        share = 1.0 - min(self.schedule.average, (step + 1) / (step + 10))
        targets = [parameter.data for parameter in self.average.parameters()]
        sources = [parameter.data for parameter in self.network.parameters()]
        torch._foreach_lerp_(targets, sources, share)


def new_learner(
    network: nn.Module, average: nn.Module, schedule: Schedule, workers: Workers = ALONE
) -> Learner:
    """Start training `network`; `average` is a copy of it that will hold the moving average."""
    network.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average.eval().requires_grad_(False)
    average.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.Adam(
        network.parameters(), lr=schedule.learning_rate, betas=BETAS, fused=True
    )
    forward = workers.forward_of(network, training_forward(network))
    return Learner(network, average, optimiser, schedule, forward)


def learning_rate(schedule: Schedule, step: int) -> float:
    """Linear warm-up, then a cosine that reaches zero after the last step, or falls in steps."""
    warm = min(1.0, (step + 1) / max(1, schedule.warmup))
    if schedule.decay == "cosine":
        decayed = 0.5 * (1 + math.cos(math.pi * step / schedule.steps))
    else:
        passed = sum(step >= share * schedule.steps for share in schedule.milestones)
        decayed = 0.1**passed
    return schedule.learning_rate * warm * decayed


def absolute_error(difference: Tensor) -> Tensor:
    """Mean absolute error."""
    return difference.abs().mean()


def charbonnier_error(difference: Tensor) -> Tensor:
    """Mean of sqrt(d^2 + e^2): absolute, and smooth where it is smaller than e (LapSRN, 2017)."""
    return (difference.square() + CHARBONNIER_EPSILON**2).sqrt().mean()


def squared_error(difference: Tensor) -> Tensor:
    """Mean squared error, weighted to gradients of the size that the others have."""
    return SQUARED_WEIGHT * difference.square().mean()


LOSSES: dict[Loss, Callable[[Tensor], Tensor]] = {
    "absolute": absolute_error,
    "charbonnier": charbonnier_error,
    "squared": squared_error,
}
"""Losses of the difference between restored image and truth, both in [0, 1]."""


def shared_loss(error: Callable[[Tensor], Tensor], difference: Tensor, luma_share: float) -> Tensor:
    """Take part of a loss on the luma of an RGB difference (N, 3, H, W), the rest on its channels.

    Luma has the weights of BT.601, which sum to one.
    """
    if not luma_share or difference.shape[1] == 1:
        return error(difference)
    red, green, blue = difference.unbind(dim=1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return luma_share * error(luma) + (1.0 - luma_share) * error(difference)


def training_forward(network: nn.Module) -> Callable[[Tensor], Tensor]:
    """The fastest way to compute a network's output with gradients."""
    return network.forward_subpixel if isinstance(network, FSRCNN) else network


def last_layer(network: nn.Module) -> nn.Module:
    """Return the last convolution of a network, in the order in which it was built."""
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    return [module for module in network.modules() if isinstance(module, kinds)][-1]


@torch.no_grad()
def hold_slopes(network: nn.Module) -> None:
    """Keep PReLU slopes in [0, 1], where max(x, a * x) is the same function."""
    for module in network.modules():
        if isinstance(module, nn.PReLU):
            module.weight.clamp_(0.0, 1.0)


def _to_float(pixels: NDArray[np.uint8]) -> Tensor:
    """Bring pixels 0..255 to [0, 1]."""
    tensor = torch.from_numpy(pixels).float().div_(255.0)
    return tensor.contiguous(memory_format=torch.channels_last)
