"""Selection of the training device and its precision: CUDA GPU or CPU."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist

from edge_imgq.errors import RuntimeUnavailableError, UsageError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from torch import nn

    from edge_imgq.train.choices import Device, PrecisionChoice
    from edge_imgq.train.phases import Precision
    from edge_imgq.train.schedule import Schedule


def training_device(requested: Device) -> torch.device:
    """Return the device of this process: the CPU, or one GPU for each process that runs here.

    Args:
        requested: "cpu", "cuda", or "auto" for a GPU if PyTorch finds one.

    Raises:
        RuntimeUnavailableError: A GPU is requested and PyTorch finds none.
        UsageError: There are fewer GPUs than processes.
    """
    rank = dist.get_node_local_rank(fallback_rank=0)
    return choose_device(requested, gpus=torch.cuda.device_count(), rank=rank)


def choose_device(requested: Device, *, gpus: int, rank: int = 0) -> torch.device:
    """Return the CPU, or the GPU whose index is this process's rank; no device is queried.

    Args:
        requested: "cpu", "cuda", or "auto" for a GPU if there is one.
        gpus: Number of GPUs that PyTorch finds.
        rank: Index of this process among those that `torchrun` started on this machine.

    Raises:
        RuntimeUnavailableError: A GPU is requested and PyTorch finds none.
        UsageError: There are fewer GPUs than processes.
    """
    if requested == "cpu" or (requested == "auto" and not gpus):
        return torch.device("cpu")
    if not gpus:
        raise RuntimeUnavailableError(
            "PyTorch sees no GPU here: it is a build for processors alone, or the driver is "
            "missing. Leave out --device cuda, or install a build of PyTorch with CUDA."
        )
    if rank >= gpus:
        raise UsageError(
            f"Process {rank + 1} of this machine has no GPU: there are {gpus}. Start as many "
            "processes as there are GPUs, or train with --device cpu."
        )
    return torch.device("cuda", rank)


def has_bfloat16(device: torch.device) -> bool:
    """Return True if a device, CPU or CUDA GPU, multiplies bfloat16 natively.

    Emulation is ten times slower. PyTorch's query whether its kernels accept bfloat16 does not
    answer this: on processors with only AVX-512 they do, by converting every operand.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()  # avx512_bf16, amx_bf16 on x86, arm_bf16 on Arm
    return any(has for name, has in capabilities.items() if "bf16" in name)


def schedule_on(device: torch.device, schedule: Schedule, requested: PrecisionChoice) -> Schedule:
    """Return the schedule that a device computes: without bfloat16 where that is emulated.

    Args:
        device: training device.
        schedule: requested schedule.
        requested: "bfloat16" to keep the schedule's precisions on any device, "float32" for no
            bfloat16, or "auto" for bfloat16 where the device multiplies it natively.
    """
    if requested == "bfloat16" or (requested == "auto" and has_bfloat16(device)):
        return schedule
    return replace(schedule, bfloat16_until=0.0)


def in_precision(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """Return a context manager in which a forward pass computes in the given precision.

    "bfloat16" is torch's autocast: convolutions and products in bfloat16, weights in float32. On a
    GPU without bfloat16 it has no effect, as "float32". bfloat16 has float32's exponent range, so
    no gradient scaling is needed.
    """
    if precision == "float32" or (device.type == "cuda" and not torch.cuda.is_bf16_supported()):
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def device_of(network: nn.Module) -> torch.device:
    """Return the device of a network's weights; the CPU for a network without any."""
    return next((weight.device for weight in network.parameters()), torch.device("cpu"))
