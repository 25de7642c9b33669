"""The zoo as a table, without building the networks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edge_imgq.errors import ModelError, UsageError
from edge_imgq.models.zoo import (
    ASSESSORS,
    UNTRAINED,
    ZOO,
    ZooEntry,
    card_path,
    weights_path,
    zoo_entry,
)


@dataclass(frozen=True)
class ModelRow:
    """One network of the zoo.

    Attributes:
        name: name on the command line.
        task: image task.
        scale: output height over input height.
        colour: "y" or "rgb".
        parameters: number of weights.
        psnr: validation PSNR in dB from the header of the weight file, on the images that the card
            names; None if the header has none.
        summary: one sentence.
        card: path of its model card.
    """

    name: str
    task: str
    scale: int
    colour: str
    parameters: int
    psnr: float | None
    summary: str
    card: str


def list_models(names: Sequence[str] = ()) -> tuple[ModelRow, ...]:
    """List the shipped networks, one row each, from the headers of their weight files.

    Args:
        names: networks to list; every shipped network if empty.

    Raises:
        UsageError: a network does not exist, or ships without weights.
        ModelError: a weight file is missing or damaged.
    """
    for name in names:
        if name in UNTRAINED:
            raise UsageError(f"{name} ships without weights; `edge-imgq train {name}` makes them.")
    return tuple(_row(zoo_entry(name)) for name in names or (*ZOO, *ASSESSORS))


def _row(entry: ZooEntry) -> ModelRow:
    from safetensors import SafetensorError, safe_open

    path = weights_path(entry.name)
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            shapes = [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"The weights of {entry.name} in {path} cannot be used: {error}."
        ) from error
    psnr = metadata.get("psnr")
    return ModelRow(
        name=entry.name,
        task=entry.task,
        scale=entry.scale,
        colour=entry.colour,
        parameters=sum(math.prod(shape) for shape in shapes),
        psnr=None if psnr is None else float(psnr),
        summary=entry.summary,
        card=str(card_path(entry.name)),
    )
