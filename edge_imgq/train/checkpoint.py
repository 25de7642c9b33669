"""Checkpoints: one safetensors file with weights, optimiser state and run state.

The file holds no code: only tensors, and one JSON text in the header.
`edge_imgq.train.learner_state` defines the tensors.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from edge_imgq.artifact import write_bytes
from edge_imgq.errors import ModelError
from edge_imgq.models.zoo import zoo_entry
from edge_imgq.train.schedule import Schedule

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

FORMAT = "edge-imgq checkpoint 1"
AVERAGE = "average."
"""Prefix of the averaged weights, which are the result of training."""


@dataclass(frozen=True)
class RunState:
    """State of a run, without tensors.

    Attributes:
        model: Name in the zoo.
        step: Steps taken.
        schedule: Training schedule.
        rng: State of the patch generator (`bit_generator.state`).
        seconds: Time spent in steps, over all sessions of the run.
        best: Highest validation PSNR so far in dB, or None.
    """

    model: str
    step: int
    schedule: Schedule
    rng: dict[str, Any]
    seconds: float
    best: float | None


def write_checkpoint(path: Path, tensors: dict[str, Tensor], state: RunState) -> None:
    """Write a checkpoint atomically: under a temporary name, then renamed.

    The file is safetensors, with the state as JSON in its header. A file at `path` is replaced.

    Args:
        path: File to write, in an existing folder.
        tensors: Tensors by name, on any device; names of the averaged weights begin with `AVERAGE`.
        state: State of the run.

    Raises:
        OutputError: The file cannot be written; an earlier one is unchanged.
    """
    text = json.dumps(dataclasses.asdict(state))
    write_bytes(path, save(tensors, metadata={"format": FORMAT, "state": text}))


def read_checkpoint(path: Path) -> tuple[RunState, dict[str, Tensor]]:
    """Read the state and tensors that `write_checkpoint` wrote; no code is executed.

    Tensors are on the CPU, by name, bit for bit as written.

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


def load_checkpoint_network(path: Path) -> tuple[str, nn.Module]:
    """Build the network of a checkpoint with its averaged weights; return its zoo name and it.

    The network is on the CPU, in evaluation mode, and its weights require no gradients.

    Raises:
        ModelError: The file is missing, damaged, no checkpoint, or does not fit its network.
        UsageError: The zoo has no network of that name any more.
    """
    state, tensors = read_checkpoint(path)
    network = zoo_entry(state.model).build()
    load_weights(network, AVERAGE, tensors, path)
    return state.model, network.eval().requires_grad_(False)


def load_weights(network: nn.Module, prefix: str, tensors: dict[str, Tensor], path: Path) -> None:
    """Load the tensors whose names begin with `prefix` into a network, in place.

    Args:
        network: network whose state dict is replaced as a whole.
        prefix: selects tensors, and is removed from their names.
        tensors: tensors of a checkpoint by name; the others are ignored.
        path: path of the checkpoint, for messages.

    Raises:
        ModelError: A tensor is missing, unknown or of another shape.
    """
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
