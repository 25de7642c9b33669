"""Choose the number of copies of each channel class, for fidelity and, on some targets, for speed.

Greedy swaps replace channels that carry almost nothing by copies of those that carry the image
(`edge_imgq.quantize.steps.channel_splitting`). The sign channels of a PReLU
(`edge_imgq.graph.passes.by_name.sign_split`) can fill more kernel tiles than they are worth: of the
112 channels of `fsrcnn-x2`'s first layer 32 carry a ten-thousandth of the noise. So copies and
channels of such values are removed, cheapest first, and the value gets the width with the lowest
total cost of noise and of the adjacent layers' time.
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

    from edge_imgq.kernels.profile import KernelProfile

    Numbers = NDArray[np.float64]

MAX_COPIES = 8
"""Largest number of copies of one channel."""

MIN_SWAP = 1e-3
"""Least reduction of the network's noise, as a share, for which a swap is made."""


@dataclass(frozen=True)
class Worth:
    """Predicted squared errors of the image per class of channels, in squared units of the image.

    Attributes:
        noise: error from rounding the channels of the class, float64 (count,).
        absence: estimated error if the class is removed, float64 (count,); infinite if the
            channel's range is not known.
    """

    noise: Numbers
    absence: Numbers


@dataclass(frozen=True)
class WidthRules:
    """How the number of channels of a value may change.

    Attributes:
        kernels: kernel profile of the target processor. Copies may fill its tiles, and sign
            channels of PReLUs are removed if it prunes them.
        wider: whether values whose channels it prunes may also gain up to a tile of channels, where
            that lowers the noise by more than it takes time.
        noise_for_time: percent of the network's noise that is accepted per percent of
            multiply-accumulate slots saved in the layers adjacent to sign channels.
    """

    kernels: KernelProfile
    wider: bool
    noise_for_time: float


@dataclass
class Group:
    """Classes that occur in the same values, so that one can replace another.

    Attributes:
        members: numbers of the classes, int (members,).
        value: value through which convolutions alone read them; None if other nodes read them too.
        readers: those convolutions.
        added: number of channels that the value may gain at no cost.
        slots: multiply-accumulate slots of the adjacent layers as a function of the number of
            channels added; None if no channels are removed for speed.
        pruning: pruning state of the value's channels; None if they are not reconstructed.
        indices: indices of the members among the value's channels, int (members,); None without
            `pruning`.
    """

    members: NDArray[np.intp]
    value: ir.Value | None
    readers: list[ir.Node]
    added: int
    slots: Callable[[int], float] | None = None
    pruning: PruningState | None = None
    indices: NDArray[np.intp] | None = None

    def costs(self, worth: Worth) -> Numbers:
        """Return the squared error of the image from removing each member, float64 (members,).

        In the order of `members` and in squared units of the image; infinite where removal is not
        allowed.
        """
        if self.pruning is None:
            return worth.absence[self.members]
        return self.pruning.costs()[self.indices]

    def prune(self, member: int) -> None:
        """Remove a member and reconstruct it from the others, in the group's pruning state.

        Without a pruning state this does nothing.

        Args:
            member: index of the member in `members`, from 0.
        """
        if self.pruning is not None and self.indices is not None:
            self.pruning.prune(int(self.indices[member]))


def copy_counts(channels: Channels, worth: Worth, groups: Sequence[Group]) -> NDArray[np.intp]:
    """Choose the number of copies of each channel class: int (count,), 0 if removed, at most 8.

    Greedy: first, free channels go to the class whose noise a copy lowers most. Then a class is
    removed for a copy of another as long as the noise saved is no less than the error of the
    removal, and at least 0.1 % of all noise. The pruning states of the groups are changed.

    Args:
        channels: channel classes of the graph.
        worth: noise of each class, and error without it.
        groups: classes among which channels can be exchanged.
    """
    copies = np.ones(channels.count, np.intp)
    least = MIN_SWAP * worth.noise.sum()
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


def make_narrow(
    copies: NDArray[np.intp], worth: Worth, groups: Sequence[Group], noise_for_time: float
) -> None:
    """Remove copies and channels where the time saved outweighs the noise, in place.

    Cheapest first, and only in groups with known slots and a pruning state.

    Args:
        copies: number of copies of each class, int (count,); it is changed.
        worth: noise of each class, and error without it.
        groups: groups of `copy_counts`; their pruning states are changed.
        noise_for_time: percent of the network's noise that is accepted per percent of
            multiply-accumulate slots saved in the layers adjacent to all these groups.
    """
    noise = noise_left(worth, copies).sum()
    slots = [(group, group.slots) for group in groups if group.slots is not None and group.pruning]
    whole = sum(of(int((copies[group.members] - 1).sum())) for group, of in slots)
    for group, of in slots:
        price = _price(of, noise_for_time, whole)
        for member in _taken_away(group, worth, copies[group.members], noise, price):
            _take_away(group, copies, member)


def _price(
    slots: Callable[[int], float], noise_for_time: float, whole: float
) -> Callable[[int], float]:
    """Return the time of a group, in shares of the noise, as a function of the channels added."""
    return lambda added: noise_for_time * slots(added) / whole


def _taken_away(
    group: Group,
    worth: Worth,
    counts: NDArray[np.intp],
    noise: float,
    price: Callable[[int], float],
) -> list[int]:
    """List the members of a group that lose a copy, or their only channel, in this order."""

    def time() -> float:
        return price(int((counts - 1).sum()))

    trial = replace(group, pruning=deepcopy(group.pruning), members=np.arange(len(counts)))
    worth = Worth(worth.noise[group.members], worth.absence[group.members])
    lost, taken, costs = 0.0, list[int](), [time()]
    while lost < costs[0]:
        each = _losses(trial, worth, counts)
        member = int(each.argmin())
        lost += float(each[member]) / noise
        if not np.isfinite(lost):
            break
        _take_away(trial, counts, member)
        taken.append(member)
        costs.append(lost + time())
    return taken[: int(np.argmin(np.round(costs, 6)))]


def _take_away(group: Group, copies: NDArray[np.intp], member: int) -> None:
    """Remove one copy of a member of a group, in place; removing the last prunes the channel."""
    copies[group.members[member]] -= 1
    if not copies[group.members[member]]:
        group.prune(member)


def _losses(group: Group, worth: Worth, counts: NDArray[np.intp]) -> Numbers:
    """Compute the squared error of removing one copy of each member of a group."""
    fewer = 1 / np.maximum(counts - 1, 1) ** 2 - 1 / np.maximum(counts, 1) ** 2
    copied: Numbers = worth.noise[group.members] * fewer
    alone = np.where(counts == 1, group.costs(worth), np.inf)
    return np.where(counts > 1, copied, alone)


def noise_left(worth: Worth, copies: NDArray[np.intp]) -> Numbers:
    """Compute the predicted noise of every channel class: its noise divided by copies².

    Args:
        worth: noise of each class.
        copies: number of copies of each class, int (count,).

    Returns:
        float64 (count,), in squared units of the image; 0 for a removed class.
    """
    left: Numbers = worth.noise / np.maximum(copies, 1) ** 2 * (copies > 0)
    return left


def _spared(noise: Numbers, copies: NDArray[np.intp]) -> Numbers:
    """Compute the noise removed by one more copy of each class; 0 if none may be added."""
    spared: Numbers = noise * (1 / np.maximum(copies, 1) ** 2 - 1 / (copies + 1) ** 2)
    spared[(copies == 0) | (copies >= MAX_COPIES)] = 0
    return spared
