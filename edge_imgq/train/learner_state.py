"""Tensors of a learner in a checkpoint: weights, their moving average and Adam's moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_imgq.train.checkpoint import AVERAGE, load_weights

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from torch import Tensor, nn

    from edge_imgq.train.learner import Learner

NETWORK, ADAM = "network.", "adam."
CRITIC, CRITIC_ADAM = "critic.", "critic-adam."
"""What the names of tensors begin with, beside `AVERAGE`."""

MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def learner_tensors(learner: Learner) -> dict[str, Tensor]:
    """Return the tensors from which `restore_learner` resumes exactly, by name.

    Weights, their moving average and Adam's moments, and those of a critic. They share memory with
    the learner, on its device: write or copy them before the next step.
    """
    tensors = {
        **_weights(NETWORK, learner.network),
        **_weights(AVERAGE, learner.average),
        **_moments(ADAM, learner.network, learner.optimiser),
    }
    critic = learner.objective.critic
    if critic is not None:
        tensors |= _weights(CRITIC, critic.network)
        tensors |= _moments(CRITIC_ADAM, critic.network, critic.optimiser)
    return tensors


def restore_learner(learner: Learner, tensors: dict[str, Tensor], path: Path) -> None:
    """Copy the tensors of `learner_tensors` into a new learner, in place, bit for bit.

    Moments that are missing are left at Adam's initial state.

    Args:
        learner: Learner of the same network and objective.
        tensors: Tensors of a checkpoint, by name, on any device.
        path: Path of the checkpoint, for messages.

    Raises:
        ModelError: The tensors do not fit the network or its critic.
    """
    load_weights(learner.network, NETWORK, tensors, path)
    load_weights(learner.average, AVERAGE, tensors, path)
    _restore_moments(ADAM, learner.network, learner.optimiser, tensors)
    critic = learner.objective.critic
    if critic is not None:
        load_weights(critic.network, CRITIC, tensors, path)
        _restore_moments(CRITIC_ADAM, critic.network, critic.optimiser, tensors)


def _weights(prefix: str, network: nn.Module) -> dict[str, Tensor]:
    return {f"{prefix}{name}": value.contiguous() for name, value in network.state_dict().items()}


def _moments(prefix: str, network: nn.Module, optimiser: torch.optim.Adam) -> dict[str, Tensor]:
    """Return Adam's moments of a network's parameters, by `prefix`, moment and parameter name."""
    return {
        f"{prefix}{moment}.{name}": optimiser.state[parameter][moment].contiguous()
        for name, parameter in network.named_parameters()
        for moment in MOMENTS
        if parameter in optimiser.state
    }


def _restore_moments(
    prefix: str, network: nn.Module, optimiser: torch.optim.Adam, tensors: dict[str, Tensor]
) -> None:
    """Load the moments that `_moments` returned into an optimiser."""
    for name, parameter in network.named_parameters():
        if f"{prefix}step.{name}" in tensors:
            moments = {
                moment: tensors[f"{prefix}{moment}.{name}"].to(parameter.device, copy=True)
                for moment in MOMENTS
            }
            for moment in ("exp_avg", "exp_avg_sq"):
                # The same memory order as the parameter, as a run that was never stopped has it.
                moments[moment] = parameter.detach().clone().copy_(moments[moment])
            optimiser.state[parameter] = moments
