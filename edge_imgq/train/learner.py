"""One optimiser step, with its effect on weights, average and moments."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from edge_imgq.models.assessor import DegradationNet
from edge_imgq.models.deblur import CoarseToFine
from edge_imgq.models.fsrcnn import FSRCNN
from edge_imgq.train.device import device_of, in_precision
from edge_imgq.train.int8_noise import Int8Noise
from edge_imgq.train.objective import Objective, PixelObjective, coarse_loss
from edge_imgq.train.phases import head_alone_at, learning_rate, precision_at
from edge_imgq.train.schedule import Schedule
from edge_imgq.train.workers import ALONE, Workers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_imgq.train.patches import Batch

BETAS = (0.9, 0.99)


@dataclass(frozen=True)
class Learner:
    """A network in training: weights, their moving average and the optimiser's moments.

    Attributes:
        network: network that is trained.
        average: network of the same shape that holds the moving average of the weights.
        optimiser: Adam on the network's parameters.
        schedule: hyperparameters, by step.
        forward: computes the outputs that the loss reads, largest first (`outputs_of`).
        objective: loss, with its critic if any.
        workers: processes over which losses and gradients are averaged.
    """

    network: nn.Module
    average: nn.Module
    optimiser: torch.optim.Adam
    schedule: Schedule
    forward: Callable[[Tensor], tuple[Tensor, ...]]
    objective: Objective
    workers: Workers = ALONE

    def step(self, batch: Batch, step: int) -> float:
        """Take step number `step` (from 0) on a batch and return its loss, averaged over processes.

        Network and average are changed in place. `batch` is this process's share; every process
        must call it. If the loss is not finite in one of them, training has diverged: NaN is
        returned, and both stay unchanged, but a critic has learnt from the batch. A finite loss
        whose gradients are not finite is not noticed here: the weights become NaN, and the next
        step returns NaN.
        """
        rate = learning_rate(self.schedule, step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self._choose_layers(step)
        loss = self.loss(batch, step)
        value = self.workers.mean(float(loss.item()))
        if not math.isfinite(value):
            return math.nan
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.workers.average_gradients(self.network)
        self.optimiser.step()
        hold_slopes(self.network, self.schedule.relu_share)
        self._update_average(step)
        return value

    def standardise(self, batch: Batch) -> None:
        """Set the standardisation of a `DegradationNet` to a batch's mean and deviation, in place.

        `batch.degraded` has filter responses, float32 (N, n, 1, 1). The moving average gets the
        same. Other networks are not accepted.
        """
        statistics = _to_float(batch.degraded, device_of(self.network))
        for network in (self.network, self.average):
            assert isinstance(network, DegradationNet)
            network.standardise(statistics)

    def loss(self, batch: Batch, step: int) -> Tensor:
        """Return the loss of step number `step` (from 0) on a batch, after any critic steps on it.

        A scalar tensor with gradients, of this process's share alone. The network's weights stay
        unchanged; those of a critic do not. Precision and int8 noise follow the schedule.
        """
        device = device_of(self.network)
        degraded, truth = _to_float(batch.degraded, device), _to_float(batch.truth, device)
        with in_precision(device, precision_at(self.schedule, step)), self._noise(step):
            restored, *smaller = (output.float() for output in self.forward(degraded))
        if self.objective.critic is not None:
            self.objective.critic.learn(restored, truth, step)
        loss = self.objective.loss(restored, truth, step)
        if smaller:
            loss = loss + coarse_loss(tuple(smaller), truth, self.schedule, step)
        return loss

    def _noise(self, step: int) -> AbstractContextManager[object]:
        """Return a context that adds int8 noise if the schedule requests it."""
        if not self.schedule.int8_noise:
            return nullcontext()
        chance = torch.Generator(device_of(self.network)).manual_seed(
            self.schedule.seed * 1_000_003 + step
        )
        return Int8Noise(self.schedule.int8_noise, chance)

    def _choose_layers(self, step: int) -> None:
        """Freeze all but the last layer in the first phase, if the schedule requests it."""
        head_alone = head_alone_at(self.schedule, step)
        for parameter in self.network.parameters():
            parameter.requires_grad_(not head_alone)
        if head_alone:
            last_layer(self.network).requires_grad_(True)

    @torch.no_grad()
    def _update_average(self, step: int) -> None:
        """Update the moving average; its decay is smaller in early steps.

        A smaller decay discards the initial weights sooner.
        """
        share = 1.0 - min(self.schedule.average, (step + 1) / (step + 10))
        targets = [parameter.data for parameter in self.average.parameters()]
        sources = [parameter.data for parameter in self.network.parameters()]
        torch._foreach_lerp_(targets, sources, share)
        if self.schedule.relu_share:
            hold_zero_slopes(self.average, self.network)


def new_learner(
    network: nn.Module,
    average: nn.Module,
    schedule: Schedule,
    workers: Workers = ALONE,
    objective: Objective | None = None,
) -> Learner:
    """Return a learner that trains `network` by Adam, with fresh moments.

    `network` is put in training mode and `average` in evaluation mode, both in channels-last memory
    order, in place.

    Args:
        network: network to train, on its device.
        average: a copy of it, which will hold the moving average of the weights.
        schedule: hyperparameters.
        workers: processes that share each batch.
        objective: loss; None for the schedule's pixel loss.
    """
    network.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average.eval().requires_grad_(False)
    average.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.Adam(
        network.parameters(), lr=schedule.learning_rate, betas=BETAS, fused=True
    )
    objective = objective or PixelObjective(schedule)
    forward = outputs_of(network)
    return Learner(network, average, optimiser, schedule, forward, objective, workers)


def training_forward(network: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return the fastest function that computes `network(x)` with gradients.

    It takes (N, C, H, W) in [0, 1] and uses the network's own weights; nothing is altered. For an
    FSRCNN it computes the transposed convolution as a convolution and pixel shuffle, and differs
    from `network(x)` by float32 rounding; other networks are returned themselves.
    """
    return network.forward_subpixel if isinstance(network, FSRCNN) else network


def outputs_of(network: nn.Module) -> Callable[[Tensor], tuple[Tensor, ...]]:
    """Return a function that computes all outputs that the loss reads, as a tuple, largest first.

    It takes images (N, C, H, W) in [0, 1], or for a `DegradationNet` the result of `statistics`. A
    coarse-to-fine network returns one image per level, each half as large as the one before; all
    others one output.
    """
    if isinstance(network, CoarseToFine):
        return network.forward_levels
    if isinstance(network, DegradationNet):  # whose filters are fixed: crops come filtered
        return lambda statistics: (network.numbers(statistics),)
    forward = training_forward(network)
    return lambda image: (forward(image),)


def last_layer(network: nn.Module) -> nn.Module:
    """Return the last convolution, transposed or not, in the order of `network.modules()`.

    Raises:
        IndexError: the network has none.
    """
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    return [module for module in network.modules() if isinstance(module, kinds)][-1]


@torch.no_grad()
def hold_slopes(network: nn.Module, relu_share: float = 0.0) -> None:
    """Clamp all PReLU slopes of a network to [0, 1], in place; PReLU is then max(x, slope · x).

    Then set to 0 the smallest slopes of each PReLU between two convolutions larger than 1x1, so
    that at least `relu_share` of its channels (0 to 1, rounded) are ReLU. This is iterative hard
    thresholding (Blumensath and Davies, 2009): a slope of 0 still has a gradient, and returns if it
    grows beyond another one. Layers are taken in the order in which they were defined.
    """
    layers = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.PReLU))]
    for before, prelu, after in zip([None, *layers], layers, [*layers[1:], None], strict=False):
        if isinstance(prelu, nn.PReLU):
            prelu.weight.clamp_(0.0, 1.0)
            if relu_share and _is_spatial(before) and _is_spatial(after):
                count = round(relu_share * prelu.num_parameters)
                prelu.weight[prelu.weight.argsort(stable=True)[:count]] = 0.0


@torch.no_grad()
def hold_zero_slopes(average: nn.Module, network: nn.Module) -> None:
    """Set to 0 the PReLU slopes of a moving average that are 0 in the network, in place.

    An average only approaches 0, but a channel of PReLU costs no more than ReLU only if its slope
    is exactly 0: files in which PReLU is two ReLUs then leave the second one out.

    Args:
        average: the moving average, edited in place.
        network: the network that is averaged, of the same layers.
    """
    for target, source in zip(_prelus(average), _prelus(network), strict=True):
        target.weight[source.weight == 0] = 0.0


def relu_channels(network: nn.Module) -> tuple[int, int]:
    """Count the PReLU channels of a network that are ReLU (slope 0), and all of its PReLU channels.

    Returns:
        The two counts; (0, 0) for a network without PReLU.
    """
    slopes = [prelu.weight.detach() for prelu in _prelus(network)]
    return sum(int((s == 0).sum()) for s in slopes), sum(s.numel() for s in slopes)


def _prelus(network: nn.Module) -> list[nn.PReLU]:
    return [module for module in network.modules() if isinstance(module, nn.PReLU)]


def _is_spatial(layer: nn.Module | None) -> bool:
    return isinstance(layer, nn.Conv2d) and layer.kernel_size != (1, 1)


def _to_float(pixels: NDArray[np.uint8] | NDArray[np.float32], device: torch.device) -> Tensor:
    """Move an array to a device; uint8 pixels become float32 in [0, 1]."""
    if pixels.dtype != "uint8":
        return torch.from_numpy(pixels).to(device)
    tensor = torch.from_numpy(pixels).to(device).float().div_(255.0)
    return tensor.contiguous(memory_format=torch.channels_last)
