"""`edge-imgq` with every float32 of PyTorch a float64: `python in_double.py train ...`.

The last lines of its errors name the threads of a process group before it ends, and those after.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from edge_imgq.cli.main import main


@contextmanager
def double_precision() -> Iterator[None]:
    """Compute in float64 whatever is float32 otherwise."""
    from_numpy, to_float = torch.from_numpy, torch.Tensor.float

    def doubled(array: Any) -> torch.Tensor:
        tensor = from_numpy(array)
        return tensor.double() if tensor.is_floating_point() else tensor

    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double  # type: ignore[method-assign]
    torch.from_numpy = doubled
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)
        torch.Tensor.float = to_float  # type: ignore[method-assign]
        torch.from_numpy = from_numpy


def threads() -> str:
    """Return the names of this process's threads; nothing where there is no /proc."""
    return " ".join(task.read_text().strip() for task in Path("/proc/self/task").glob("*/comm"))


if __name__ == "__main__":
    destroy, before = dist.destroy_process_group, []

    def destroy_process_group() -> None:
        before.append(threads())
        destroy()

    dist.destroy_process_group = destroy_process_group
    with double_precision():
        code = main()
    print(f"threads before: {' '.join(before)}\nthreads after: {threads()}", file=sys.stderr)
    sys.exit(code)
