"""What a person may choose of a device beside its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DeviceOptions:
    """Choices that some devices take.

    Attributes:
        benchmark_model: LiteRT's program for the device; None where the person named none.
        delegate: a key of `benchmark_model.DELEGATES`, or the path of a library on the device.
        bisects: whether a GPU's kernels are compared operator by operator.
    """

    benchmark_model: Path | None = None
    delegate: str = "xnnpack"
    bisects: bool = False
