"""Training objectives: a pixel loss, or a published sum of several losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edge_imgq.models.measures import UNCERTAINTIES, UNCERTAINTY_RATE
from edge_imgq.train.critics import (
    CriticLoss,
    PatchCritic,
    TextureCritic,
    classification_loss,
    wasserstein_loss,
)
from edge_imgq.train.features import content_loss, load_features
from edge_imgq.train.losses import PIXEL_LOSSES, colour_loss, shared_loss, total_variation
from edge_imgq.train.phases import pixel_loss_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edge_imgq.train.schedule import Schedule
    from edge_imgq.train.workers import Workers

COLOUR = 0.5 * 100 * 100 * 3 / 2
"""DPED's weight of 0.5 on half the sum over a 100x100 patch, as a weight on the mean."""

CONTENT, TEXTURE, VARIATION = 10.0, 1.0, 2000.0
"""DPED's weights of the content, texture and total variation losses."""

DEBLUR_CONTENT = 100.0
"""DeblurGAN's weight of the content loss; that of its critic is 1."""

DEBLUR_CRITIC_STEPS = 5
"""Critic steps per step of the network."""


class Objective(Protocol):
    """Objective of a learner."""

    @property
    def critic(self) -> Critic | None:
        """Critic that is trained along with the network; None for losses without one."""

    def loss(self, restored: Tensor, truth: Tensor, step: int) -> Tensor:
        """Return the loss of step number `step` (from 0), a scalar tensor with gradients.

        Both images are (N, C, H, W) in [0, 1], of one shape.
        """


@dataclass(frozen=True)
class Critic:
    """A critic in training.

    Attributes:
        network: critic network.
        optimiser: optimiser of the critic.
        loss: loss of the critic.
        steps: critic steps per step of the network.
        seed: seed of the random numbers of its loss.
        workers: processes over which gradients are averaged.
    """

    network: nn.Module
    optimiser: torch.optim.Adam
    loss: CriticLoss
    steps: int
    seed: int
    workers: Workers

    def learn(self, restored: Tensor, truth: Tensor, step: int) -> None:
        """Take the critic's optimiser steps on one batch; its weights are changed in place.

        Images are this process's (N, C, H, W) in [0, 1]; `step` counts from 0 and seeds the random
        numbers. `restored` gets no gradient. Every process must call it.
        """
        chance = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        self.network.requires_grad_(True)
        for _ in range(self.steps):
            # For the whole batch, of which this process has a part.
            weights = torch.rand((len(truth) * self.workers.count, 1, 1, 1), generator=chance)
            weights = weights[self.workers.rank :: self.workers.count].to(truth.device)
            self.optimiser.zero_grad(set_to_none=True)
            loss = self.loss(self.network, restored.detach(), truth, weights)
            loss.backward()  # type: ignore[no-untyped-call]
            self.workers.average_gradients(self.network)
            self.optimiser.step()
        self.network.requires_grad_(False)


@dataclass(frozen=True)
class PixelObjective:
    """A pixel loss, replaced by the squared error late in a run.

    Attributes:
        schedule: names the loss, the step of the replacement and the weight of luma.
        critic: None: a pixel loss has no critic.
    """

    schedule: Schedule
    critic: None = None

    def loss(self, restored: Tensor, truth: Tensor, step: int) -> Tensor:
        """Return the schedule's pixel loss of step `step` (from 0), a scalar tensor with gradients.

        Both images are (N, C, H, W) of one shape, in [0, 1]. With three channels, the schedule's
        `luma_share` of the loss is on luma.
        """
        error = PIXEL_LOSSES[pixel_loss_at(self.schedule, step)]
        return shared_loss(error, restored - truth, self.schedule.luma_share)


@dataclass(frozen=True)
class MeasuresObjective:
    """Absolute and squared errors of estimates, plus the likelihood of predicted uncertainties.

    The likelihood is that of a Laplace distribution. Estimates get no gradient from it: where an
    uncertainty is large, that gradient is small, and estimates that are hard at first would never
    be learned (Seitzer et al., "On the Pitfalls of Heteroscedastic Uncertainty Estimation with
    Probabilistic Neural Networks", ICLR 2022).
    """

    critic: None = None

    def loss(self, restored: Tensor, truth: Tensor, step: int) -> Tensor:
        """Return the mean of |e| + e^2 + |e| / s + log s over known measures.

        A scalar tensor with gradients; NaN if no measure is known. e is the error of an estimate, s
        its predicted scale: log s is 4 times the second output (UNCERTAINTY_RATE), clamped to −4 …
        2 (UNCERTAINTIES). In |e| / s, e has no gradient.

        Args:
            restored: m estimates and their m uncertainties, (N, 2 × m).
            truth: target values (N, m, 1, 1), in the scale of the outputs; NaN if unknown.
            step: unused.
        """
        del step
        estimates, uncertainties = restored.chunk(2, dim=1)
        logarithms = (UNCERTAINTY_RATE * uncertainties).clamp(*UNCERTAINTIES)
        targets = truth.flatten(1)
        known = ~targets.isnan()
        errors = (estimates - targets.nan_to_num()).abs()
        likelihood = errors.detach() * torch.exp(-logarithms) + logarithms
        return (errors + errors.square() + likelihood)[known].mean()


@dataclass(frozen=True)
class DpedObjective:
    """Weighted sum of colour, texture, content and smoothness: Ignatov et al., ICCV 2017.

    Attributes:
        features: feature network of the content loss.
        critic: critic that tells restored from true textures.
    """

    features: nn.Module
    critic: Critic

    def loss(self, restored: Tensor, truth: Tensor, step: int) -> Tensor:
        """Return 10 · content + 7500 · colour + texture + 2000 · total variation.

        Content is the relative squared difference of features (`content_loss`). A scalar tensor
        with gradients of `restored`. The weights are the same at every step.

        Args:
            restored: output of the network, (N, 3, H, W), nominally in [0, 1].
            truth: photograph of the better camera, of the same shape, in [0, 1].
            step: unused.
        """
        del step
        texture = F.softplus(-self.critic.network(restored)).mean()
        return (
            CONTENT * content_loss(self.features, restored, truth, self.critic.workers)
            + COLOUR * colour_loss(restored, truth)
            + TEXTURE * texture
            + VARIATION * total_variation(restored)
        )


@dataclass(frozen=True)
class DeblurGanObjective:
    """Content loss and the score of a Wasserstein critic: Kupyn et al., CVPR 2018.

    Attributes:
        features: feature network of the content loss.
        critic: critic whose score is high for sharp images.
    """

    features: nn.Module
    critic: Critic

    def loss(self, restored: Tensor, truth: Tensor, step: int) -> Tensor:
        """Return 100 · content − mean score of the critic, which may be negative.

        Content is the relative squared difference of features (`content_loss`). A scalar tensor
        with gradients of `restored`. The weights are the same at every step.

        Args:
            restored: output of the network, (N, C, H, W), nominally in [0, 1].
            truth: sharp image of the same shape, in [0, 1].
            step: unused.
        """
        del step
        content = content_loss(self.features, restored, truth, self.critic.workers)
        answer: Tensor = self.critic.network(restored).mean()
        return DEBLUR_CONTENT * content - answer


def new_objective(
    schedule: Schedule,
    channels: int,
    side: int,
    features: Path | None,
    workers: Workers,
    device: torch.device,
) -> Objective:
    """Return the objective of a schedule: `DpedObjective`, `DeblurGanObjective` or a pixel loss.

    Args:
        schedule: schedule of the run, which names the loss; its seed determines the critic's
            initial weights.
        channels: channels of the network's output.
        side: height and width of an output patch, in pixels.
        features: weights of the feature network, or None for the shipped one.
        workers: processes of the run.
        device: device of the critic and feature networks.

    Raises:
        ModelError: the feature file is invalid.
        UsageError: the feature network ships without weights.
    """
    if schedule.loss == "dped":
        critic = _critic(schedule, lambda: TextureCritic(side).to(device), 5e-4, 0.9)
        learns = Critic(*critic, classification_loss, 1, schedule.seed, workers)
        return DpedObjective(load_features(features).to(device), learns)
    if schedule.loss == "deblurgan":
        critic = _critic(schedule, lambda: PatchCritic(channels).to(device), 1e-4, 0.5)
        learns = Critic(*critic, wasserstein_loss, DEBLUR_CRITIC_STEPS, schedule.seed, workers)
        return DeblurGanObjective(load_features(features).to(device), learns)
    return PixelObjective(schedule)


def _critic(
    schedule: Schedule, build: Callable[[], nn.Module], rate: float, beta: float
) -> tuple[nn.Module, torch.optim.Adam]:
    """Return a new critic and its optimiser, with learning rate and momentum of its paper."""
    with torch.random.fork_rng():
        torch.manual_seed(schedule.seed)
        network = build()
    betas = (beta, 0.999)
    return network, torch.optim.Adam(network.parameters(), lr=rate, betas=betas, fused=True)


def coarse_loss(
    outputs: tuple[Tensor, ...], truth: Tensor, schedule: Schedule, step: int
) -> Tensor:
    """Return the mean loss of the smaller outputs of a coarse-to-fine network.

    Each is compared with the ground truth averaged over 2 × 2, 4 × 4, … pixels (Nah, Kim and Lee,
    CVPR 2017). With a composite loss, which applies to the largest output only, the others use the
    absolute error. A scalar tensor with gradients.

    Args:
        outputs: images in [0, 1], at least one: (N, C, H / 2, W / 2), then half of that and so on.
        truth: ground truth (N, C, H, W) in [0, 1].
        schedule: names the pixel loss.
        step: step number, from 0.
    """
    error = PIXEL_LOSSES[pixel_loss_at(schedule, step)]
    errors = []
    for smaller in outputs:
        truth = F.avg_pool2d(truth, 2)
        errors.append(error(smaller - truth))
    return torch.stack(errors).mean()
