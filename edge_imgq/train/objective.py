"""What a network is trained for: one error of pixels, or the sums of losses that papers use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edge_imgq.models.measures import SPREAD_RATE, SPREADS
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
"""DPED's other weights."""

DEBLUR_CONTENT = 100.0
"""DeblurGAN's weight of the content loss; that of its critic is 1."""

DEBLUR_CRITIC_STEPS = 5
"""Of the critic, for each step of the network."""


class Objective(Protocol):
    """What a learner minimises."""

    @property
    def critic(self) -> Critic | None:
        """A network that learns beside the other one, if there is one."""

    def loss(self, restored: Tensor, truth: Tensor, step: int) -> Tensor:
        """Return the loss of step number `step` (from 0); both images (N, C, H, W) in [0, 1]."""


@dataclass(frozen=True)
class Critic:
    """A network that learns to tell restored images from true ones while the other learns.

    Attributes:
        network: gives its answers.
        optimiser: of the network.
        loss: what it minimises.
        steps: of its own for each step of the other network.
        seed: of what its loss leaves to chance.
        workers: the processes of the run, whose gradients are averaged.
    """

    network: nn.Module
    optimiser: torch.optim.Adam
    loss: CriticLoss
    steps: int
    seed: int
    workers: Workers

    def learn(self, restored: Tensor, truth: Tensor, step: int) -> None:
        """Take its steps on one batch; chance follows from the seed and the step alone."""
        chance = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        self.network.requires_grad_(True)
        for _ in range(self.steps):
            # For the whole batch, of which this process has a part.
            places = torch.rand((len(truth) * self.workers.count, 1, 1, 1), generator=chance)
            places = places[self.workers.rank :: self.workers.count].to(truth.device)
            self.optimiser.zero_grad(set_to_none=True)
            loss = self.loss(self.network, restored.detach(), truth, places)
            loss.backward()  # type: ignore[no-untyped-call]
            self.workers.average_gradients(self.network)
            self.optimiser.step()
        self.network.requires_grad_(False)


@dataclass(frozen=True)
class PixelObjective:
    """An error of pixels, which gives way to the squared one late in a run."""

    schedule: Schedule
    critic: None = None

    def loss(self, restored: Tensor, truth: Tensor, step: int) -> Tensor:
        """Return the error that this step's part of the schedule asks for."""
        error = PIXEL_LOSSES[pixel_loss_at(self.schedule, step)]
        return shared_loss(error, restored - truth, self.schedule.luma_share)


@dataclass(frozen=True)
class MeasuresObjective:
    """Errors of estimates, absolute and squared, and how well their sizes are foretold.

    The spreads are those of Laplace's distribution at its largest likelihood. Estimates do not
    learn from it: where a spread is wide, its gradient is small, and what is hard at first would
    never be learned (Seitzer et al., "On the Pitfalls of Heteroscedastic Uncertainty Estimation
    with Probabilistic Neural Networks", ICLR 2022).
    """

    critic: None = None

    def loss(self, restored: Tensor, truth: Tensor, step: int) -> Tensor:
        """Return the mean of |e| + e^2 + |e| / s + log s; `restored` holds estimates and spreads.

        A measure that is not known is NaN in `truth` (N, m, 1, 1) and does not count.
        """
        del step
        estimates, spreads = restored.chunk(2, dim=1)
        logarithms = (SPREAD_RATE * spreads).clamp(*SPREADS)
        wanted = truth.flatten(1)
        known = ~wanted.isnan()
        errors = (estimates - wanted.nan_to_num()).abs()
        likelihood = errors.detach() * torch.exp(-logarithms) + logarithms
        return (errors + errors.square() + likelihood)[known].mean()


@dataclass(frozen=True)
class DpedObjective:
    """Blurred colour, texture, content and smoothness: Ignatov et al., ICCV 2017."""

    features: nn.Module
    critic: Critic

    def loss(self, restored: Tensor, truth: Tensor, step: int) -> Tensor:
        """Return the weighted sum; it is the same at every step."""
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
    """Content, and the answer of a Wasserstein critic: Kupyn et al., CVPR 2018."""

    features: nn.Module
    critic: Critic

    def loss(self, restored: Tensor, truth: Tensor, step: int) -> Tensor:
        """Return the weighted sum; it is the same at every step."""
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
    """Return what a schedule asks for.

    Args:
        schedule: of the run; its seed decides the critic's initial weights.
        channels: of the network's output.
        side: height and width of an output patch.
        features: weights of the feature network, or None for the one that ships.
        workers: the processes of the run.
        device: of the networks that judge.

    Raises:
        ModelError: The file of features is none.
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
    """Return a new critic and its optimiser, with the rate and the momentum of its paper."""
    with torch.random.fork_rng():
        torch.manual_seed(schedule.seed)
        network = build()
    betas = (beta, 0.999)
    return network, torch.optim.Adam(network.parameters(), lr=rate, betas=betas, fused=True)


def coarse_loss(
    outputs: tuple[Tensor, ...], truth: Tensor, schedule: Schedule, step: int
) -> Tensor:
    """Mean error of the smaller outputs of a network of several sizes, each against a small truth.

    Nah, Kim and Lee, CVPR 2017, whose networks are judged at every size. A loss of several parts
    judges the largest output alone, and the others by their absolute error.
    """
    error = PIXEL_LOSSES[pixel_loss_at(schedule, step)]
    errors = []
    for smaller in outputs:
        truth = F.avg_pool2d(truth, 2)
        errors.append(error(smaller - truth))
    return torch.stack(errors).mean()
