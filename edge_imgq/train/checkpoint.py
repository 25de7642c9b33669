"""Checkpoints: one safetensors file that holds weights, optimiser and the state of the run.

Nothing in the file is code: tensors, and one JSON text in the file's metadata.
"""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from edge_imgq.errors import ModelError, OutputError
from edge_imgq.models.zoo import zoo_entry
from edge_imgq.train.config import Schedule

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from torch import Tensor, nn

    from edge_imgq.train.learner import Learner

FORMAT = "edge-imgq checkpoint 1"
MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class RunState:
    """Where a run stands: everything but the tensors.

    Attributes:
        model: Name in the zoo.
        step: Steps taken.
        schedule: How it is trained.
        rng: State of the generator that draws patches (`bit_generator.state`).
        seconds: Time spent in steps, over all parts of the run.
        best: Highest validation PSNR so far, or None.
    """

    model: str
    step: int
    schedule: Schedule
    rng: dict[str, Any]
    seconds: float
    best: float | None


def save_checkpoint(path: Path, learner: Learner, state: RunState) -> None:
    """Write a checkpoint under a temporary name and rename it, so that `path` is always whole.

    Raises:
        OutputError: The file cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    for prefix, network in (("network", learner.network), ("average", learner.average)):
        for name, tensor in network.state_dict().items():
            tensors[f"{prefix}.{name}"] = tensor.contiguous()
    tensors.update(_moments("adam.", learner.network, learner.optimiser))
    critic = learner.objective.critic
    if critic is not None:
        weights = critic.network.state_dict()
        tensors.update({f"critic.{name}": value for name, value in weights.items()})
        tensors.update(_moments("critic-adam.", critic.network, critic.optimiser))
    text = json.dumps(dataclasses.asdict(state))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        save_file(tensors, temporary, metadata={"format": FORMAT, "state": text})
        temporary.chmod(0o644)  # safetensors makes it readable by its owner alone
        temporary.replace(path)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"{path} could not be written: {error}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def read_checkpoint(path: Path) -> tuple[RunState, dict[str, Tensor]]:
    """Read a checkpoint without running code from it.

    Raises:
        ModelError: The file is missing, damaged or no checkpoint of edge-imgq.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} is not a whole checkpoint: {error}.") from error
    if metadata.get("format") != FORMAT:
        raise ModelError(f"{path} is not a checkpoint that `edge-imgq train` wrote.")
    return _parse_state(metadata.get("state", ""), path), tensors


def restore_learner(learner: Learner, tensors: dict[str, Tensor], path: Path) -> None:
    """Put the tensors of a checkpoint into a new learner of the same network.

    Raises:
        ModelError: The tensors do not fit the network.
    """
    _load(learner.network, "network.", tensors, path)
    _load(learner.average, "average.", tensors, path)
    _restore_moments("adam.", learner.network, learner.optimiser, tensors)
    critic = learner.objective.critic
    if critic is not None:
        _load(critic.network, "critic.", tensors, path)
        _restore_moments("critic-adam.", critic.network, critic.optimiser, tensors)


def load_checkpoint_network(path: Path) -> tuple[str, nn.Module]:
    """Return the name and the network of a checkpoint, averaged weights, in evaluation mode.

    Raises:
        ModelError: The file is missing, damaged, no checkpoint, or does not fit its network.
    """
    state, tensors = read_checkpoint(path)
    network = zoo_entry(state.model).build()
    _load(network, "average.", tensors, path)
    return state.model, network.eval().requires_grad_(False)


def _moments(prefix: str, network: nn.Module, optimiser: torch.optim.Adam) -> dict[str, Tensor]:
    """Return what Adam remembers of a network's parameters, by `prefix`, moment and name."""
    return {
        f"{prefix}{moment}.{name}": optimiser.state[parameter][moment].contiguous()
        for name, parameter in network.named_parameters()
        for moment in MOMENTS
        if parameter in optimiser.state
    }


def _restore_moments(
    prefix: str, network: nn.Module, optimiser: torch.optim.Adam, tensors: dict[str, Tensor]
) -> None:
    """Let Adam remember what `_moments` returned."""
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


def _load(network: nn.Module, prefix: str, tensors: dict[str, Tensor], path: Path) -> None:
    own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    try:
        network.load_state_dict(own)
    except RuntimeError as error:
        raise ModelError(f"The tensors in {path} do not fit the network: {error}.") from error


def _parse_state(text: str, path: Path) -> RunState:
    try:
        fields = json.loads(text)
        schedule = fields.pop("schedule")
        for name, value in schedule.items():
            schedule[name] = tuple(value) if isinstance(value, list) else value
        return RunState(schedule=Schedule(**schedule), **fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"The state in {path} cannot be read: {error!r}.") from error
