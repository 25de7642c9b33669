"""Data-parallel training in several processes, started by `torchrun`.

Every process draws the whole batch from the same generator and computes its share. Gradients are
averaged (DistributedDataParallel; gloo, or NCCL between GPUs). So N processes compute the same run
as one with the same batch, up to the sequence of floating-point additions. (Int8 noise uses the
ranges of each process's share.)
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from edge_imgq.errors import UsageError
from edge_imgq.train.patches import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


BACKENDS = {"cpu": "gloo", "cuda": "cpu:gloo,cuda:nccl"}
"""Process group backend for gradients and scalars, by device type."""


@dataclass(frozen=True)
class Workers:
    """The processes of a run, and the index of this one.

    Attributes:
        rank: Index of this process; 0 reports, validates and writes files.
        count: Number of processes.
    """

    rank: int = 0
    count: int = 1

    def share(self, batch: Batch) -> Batch:
        """Return every count-th image of a batch, from this process's rank on."""
        mine = slice(self.rank, None, self.count)
        return Batch(batch.degraded[mine], batch.truth[mine])

    def mean(self, value: float) -> float:
        """Return the mean of a value over all processes.

        Every process must call it.
        """
        if self.count == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64)
        dist.all_reduce(total)
        return float(total) / self.count

    def average(self, value: Tensor) -> Tensor:
        """Return the mean of a tensor over all processes, a new one without gradient.

        Every process must call it. A single process gets the tensor itself.
        """
        if self.count == 1:
            return value
        total = value.detach().clone()
        dist.all_reduce(total)
        return total / self.count

    def any(self, flag: bool) -> bool:
        """Return True if the value is true in any process.

        Every process must call it.
        """
        return self.mean(float(flag)) > 0

    def wait(self) -> None:
        """Block until all processes call this; returns at once if there is one."""
        if self.count > 1:
            dist.barrier()

    def average_gradients(self, network: nn.Module) -> None:
        """Replace each gradient by its mean over all processes, in place.

        For networks that DistributedDataParallel cannot wrap: its hooks miss the gradients of a
        gradient, which the penalty of a Wasserstein critic needs. Every process must call it.
        """
        if self.count == 1:
            return
        for parameter in network.parameters():
            if parameter.grad is not None:
                dist.all_reduce(parameter.grad)
                parameter.grad.div_(self.count)

    def forward_of(
        self, network: nn.Module, forward: Callable[[Tensor], tuple[Tensor, ...]]
    ) -> Callable[[Tensor], tuple[Tensor, ...]]:
        """Return `forward`, which computes `network`, with gradients averaged over processes.

        They are averaged in the backward pass, which every process must run. A single process gets
        `forward` itself.
        """
        if self.count == 1:
            return forward
        # In a phase that trains the last layer alone, the others have no gradient to wait for.
        return DistributedDataParallel(_Forward(network, forward), find_unused_parameters=True)


ALONE = Workers()
"""The only process of a run without `torchrun`."""


@contextmanager
def joined_workers(batch: int, device: torch.device) -> Iterator[Workers]:
    """Join the process group that `torchrun` started, if any; this process trains on `device`.

    Raises:
        UsageError: The batch is not divisible by the number of processes.
    """
    if not dist.is_torchelastic_launched():
        yield Workers()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group(BACKENDS[device.type])
    try:
        workers = Workers(dist.get_rank(), dist.get_world_size())
        if batch % workers.count:
            raise UsageError(f"A batch of {batch} cannot be shared by {workers.count} processes.")
        yield workers
    finally:
        dist.destroy_process_group()


class _Forward(nn.Module):
    """A module that computes a network by another forward function."""

    def __init__(self, network: nn.Module, forward: Callable[[Tensor], tuple[Tensor, ...]]) -> None:
        super().__init__()
        self.network = network
        self._compute = forward

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Compute the network's outputs."""
        return self._compute(image)
