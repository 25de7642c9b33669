"""`edge-imgq` with every float32 of PyTorch a float64: `python in_double.py train ...`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

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


if __name__ == "__main__":
    with double_precision():
        sys.exit(main())
