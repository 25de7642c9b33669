"""`edge-imgq` with every float32 of PyTorch a float64: `python in_double.py train ...`."""

from __future__ import annotations

import sys
from typing import Any

import torch

from edge_imgq.cli.main import main

from_numpy = torch.from_numpy


def doubled(array: Any) -> torch.Tensor:
    tensor = from_numpy(array)
    return tensor.double() if tensor.is_floating_point() else tensor


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double  # type: ignore[method-assign]
    torch.from_numpy = doubled
    sys.exit(main())
