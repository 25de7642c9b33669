"""Data-parallel training in several processes, started by `torchrun`.

Every process draws the whole batch from the same generator and computes its share. Gradients are
averaged (gloo, or NCCL between GPUs). So N processes compute the same run as one with the same
batch, up to the sequence of floating-point additions. (Int8 noise uses the ranges of each process's
share.)

DistributedDataParallel is not used: it misses the gradients of a gradient, which the penalty of a
Wasserstein critic needs. What it saves, sending while the backward pass runs, is little for
networks of this size.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist

# Its functions take the process group that exists when it is first imported as a default, and so
# keep it (torch 2.13): imported by the first optimiser, it would keep the group's threads running
# until Python shuts down, which now and then aborted a process that had ended well.
import torch.distributed.nn.functional
from torch import Tensor, nn

from edge_imgq.errors import UsageError
from edge_imgq.train.patches import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator


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
        """Return this process's part of a batch (N, ...): every count-th image from its rank on.

        Views. With one process, the whole batch.
        """
        mine = slice(self.rank, None, self.count)
        return Batch(batch.degraded[mine], batch.truth[mine])

    def mean(self, value: float) -> float:
        """Return the mean of a number over all processes, in float64, the same in each.

        Every process must call it, and waits for the others.
        """
        if self.count == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64)
        dist.all_reduce(total)
        return float(total) / self.count

    def average(self, value: Tensor) -> Tensor:
        """Return the mean of a tensor over all processes, a new one without gradient.

        Every process must call it with one shape, and waits for the others. A single process gets
        the tensor itself, with its gradient.
        """
        if self.count == 1:
            return value
        total = value.detach().clone()
        dist.all_reduce(total)
        return total / self.count

    def any(self, flag: bool) -> bool:
        """Return True if the flag is true in any process, the same in each.

        Every process must call it, and waits for the others.
        """
        return self.mean(float(flag)) > 0

    def wait(self) -> None:
        """Block until all processes call this; returns at once if there is one."""
        if self.count > 1:
            dist.barrier()

    def average_gradients(self, network: nn.Module) -> None:
        """Replace the gradient of each parameter by its mean over all processes, in place.

        Every process must call it, with gradients for the same parameters. Parameters without a
        gradient are skipped.
        """
        if self.count == 1:
            return
        for parameter in network.parameters():
            if parameter.grad is not None:
                dist.all_reduce(parameter.grad)
                parameter.grad.div_(self.count)


ALONE = Workers()
"""The only process of a run without `torchrun`."""


@contextmanager
def joined_workers(batch: int, device: torch.device) -> Iterator[Workers]:
    """Join the processes that `torchrun` started; yield them, and leave at the end.

    Without `torchrun`, the only process is yielded.

    Args:
        batch: Patches per step, over all processes.
        device: Device that this process trains on.

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
            raise UsageError(
                f"A batch of {batch} cannot be shared by {workers.count} processes; choose a "
                f"multiple of {workers.count} with --batch."
            )
        yield workers
    finally:
        dist.destroy_process_group()
