"""How many copies each class of channels gets: for fidelity, and where a family asks, for time.

A place goes from what carries next to nothing to a copy of what carries the image
(`edge_imgq.quantize.steps.channel_splitting`). Halves of PReLUs
(`edge_imgq.graph.passes.by_name.sign_split`) fill more tiles of kernels than they are worth: of the
112 channels of `fsrcnn-x2`'s first layer 32 carry a ten-thousandth of the noise. So copies and
channels of such values go, the cheapest first, and the value gets the width that costs least in
noise and in time of the layers beside it together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edge_imgq.quantize.steps.channel_equivalence import Channels
from edge_imgq.quantize.steps.channel_pruning import PruningState

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

MOST = 8
"""Copies of one channel."""

LEAST_SWAP = 1e-3
"""Share of the network's noise that one swap must spare to be worth it."""

NOISE_FOR_TIME = 2.0
"""Percent of the network's noise that may be given for each percent of the slots of the layers
beside halves of PReLUs."""


@dataclass(frozen=True)
class Worth:
    """What every class of channels adds to the noise, and what its absence would."""

    noise: Numbers
    absence: Numbers


@dataclass
class Group:
    """Classes that stand in the same values, so that one may take the place of another.

    Attributes:
        members: the classes.
        value: that layers read them from; None where something else reads them too.
        readers: those layers.
        added: places that the value may gain for nothing.
        slots: of the layers beside the value, by how many channels wider it gets; None where
            nothing may be taken away for time.
        pruning: what is left of the channels of the value.
        places: of the members among the channels of the value.
    """

    members: NDArray[np.intp]
    value: ir.Value | None
    readers: list[ir.Node]
    added: int
    slots: Callable[[int], float] | None = None
    pruning: PruningState | None = None
    places: NDArray[np.intp] | None = None

    def costs(self, worth: Worth) -> Numbers:
        """Return what the place of each member must spare."""
        if self.pruning is None:
            return worth.absence[self.members]
        return self.pruning.costs()[self.places]

    def prune(self, member: int) -> None:
        """Give up a member, by its number."""
        if self.pruning is not None and self.places is not None:
            self.pruning.prune(int(self.places[member]))


def copy_counts(channels: Channels, worth: Worth, groups: Sequence[Group]) -> NDArray[np.intp]:
    """Return how many times each class is to stand there; 0 for those that are given up."""
    copies = np.ones(channels.count, np.intp)
    least = LEAST_SWAP * worth.noise.sum()
    for group in groups:
        members = group.members
        for _ in range(group.added):
            spared = _spared(worth.noise[members], copies[members])
            if spared.max() >= least:
                copies[members[spared.argmax()]] += 1
        while True:
            n = copies[members]
            costs = np.where(n == 1, group.costs(worth), np.inf)
            donor = int(costs.argmin())
            spared = _spared(worth.noise[members], n)
            spared[donor] = 0
            best = int(spared.argmax())
            if spared[best] < max(costs[donor], least):
                break
            copies[members[donor]] = 0
            copies[members[best]] += 1
            group.prune(donor)
    return copies


def make_narrow(copies: NDArray[np.intp], worth: Worth, groups: Sequence[Group]) -> None:
    """Take copies and channels away, in place, where the time is worth more than the noise."""
    noise = noise_left(worth, copies).sum()
    slots = [(group, group.slots) for group in groups if group.slots is not None and group.pruning]
    whole = sum(of(int((copies[group.members] - 1).sum())) for group, of in slots)
    for group, of in slots:
        for member in _taken_away(group, worth, copies[group.members], noise, of, whole):
            _take_away(group, copies, member)


def _taken_away(
    group: Group,
    worth: Worth,
    counts: NDArray[np.intp],
    noise: float,
    slots: Callable[[int], float],
    whole: float,
) -> list[int]:
    """Return the members of a group of which a copy or the channel itself goes, in this order."""

    def time() -> float:
        return NOISE_FOR_TIME * slots(int((counts - 1).sum())) / whole

    trial = replace(group, pruning=deepcopy(group.pruning), members=np.arange(len(counts)))
    worth = Worth(worth.noise[group.members], worth.absence[group.members])
    lost, steps, costs = 0.0, list[int](), [time()]
    while lost < costs[0]:
        each = _losses(trial, worth, counts)
        member = int(each.argmin())
        lost += float(each[member]) / noise
        if not np.isfinite(lost):
            break
        _take_away(trial, counts, member)
        steps.append(member)
        costs.append(lost + time())
    return steps[: int(np.argmin(np.round(costs, 6)))]


def _take_away(group: Group, copies: NDArray[np.intp], member: int) -> None:
    """Take one copy of a member of a group away, in place; the last one is the channel."""
    copies[group.members[member]] -= 1
    if not copies[group.members[member]]:
        group.prune(member)


def _losses(group: Group, worth: Worth, counts: NDArray[np.intp]) -> Numbers:
    """Return what one copy less of each member of a group costs the image."""
    fewer = 1 / np.maximum(counts - 1, 1) ** 2 - 1 / np.maximum(counts, 1) ** 2
    copied: Numbers = worth.noise[group.members] * fewer
    alone = np.where(counts == 1, group.costs(worth), np.inf)
    return np.where(counts > 1, copied, alone)


def noise_left(worth: Worth, copies: NDArray[np.intp]) -> Numbers:
    """Return what is left of the noise of every class."""
    left: Numbers = worth.noise / np.maximum(copies, 1) ** 2 * (copies > 0)
    return left


def _spared(noise: Numbers, copies: NDArray[np.intp]) -> Numbers:
    """Return what one more copy of each class spares; 0 for those that may have none."""
    spared: Numbers = noise * (1 / np.maximum(copies, 1) ** 2 - 1 / (copies + 1) ** 2)
    spared[(copies == 0) | (copies >= MOST)] = 0
    return spared
