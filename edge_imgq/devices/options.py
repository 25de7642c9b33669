"""User options of a device other than its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DeviceOptions:
    """Options that some devices take.

    Attributes:
        benchmark_model: path of LiteRT's program for the device, or None.
        delegate: a key of `benchmark_model.DELEGATES`, or the path of a library on the device.
        bisects: whether GPU kernels are compared operator by operator.
    """

    benchmark_model: Path | None = None
    delegate: str = "xnnpack"
    bisects: bool = False
