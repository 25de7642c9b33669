"""An estimate of a file's time on a named chip, for planning: never a measurement.

Roofline: t = floor + max(2 · MACs / operations per second, bytes / bandwidth). The floor is what
starting the NPU costs, the operations per second are those that large networks reach, the bytes are
those that must move at least: image, result and weights. Small channel counts, operators that the
NPU is slow at, and copies are not in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.errors import UsageError
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from edge_imgq.report.description import FileDescription


@dataclass(frozen=True)
class Chip:
    """What a chip's NPU reaches in int8.

    Attributes:
        name: as it is sold.
        tera_operations: int8 operations per second on large networks, in units of 10^12.
        floor_ms: time of a network that computes nothing.
        gigabytes: memory bandwidth per second, in units of 10^9 bytes.
    """

    name: str
    tera_operations: float
    floor_ms: float
    gigabytes: float


CHIPS: dict[str, Chip] = {
    "sm8650": Chip("Snapdragon 8 Gen 3", 36, 0.175, 76.8),
    "sm8750": Chip("Snapdragon 8 Elite", 43, 0.175, 84.8),
    "sm8850": Chip("Snapdragon 8 Elite Gen 5", 61, 0.175, 84.8),
}
"""Operations and floor: fitted to Qualcomm AI Hub Models 0.46.1, TFLite w8a8 on the NPU. Bandwidth:
64 bits of LPDDR5X at 4.8 and 5.3 GHz, the clocks as we recall them, not looked up."""


@dataclass(frozen=True)
class Estimate:
    """A planned time; never beside measured ones.

    Attributes:
        file: its path, as the person gave it.
        chip: its name.
        estimated_ms: see the module.
        macs: multiply-accumulates for one image.
        bytes: that must move at least.
        bound: "starting", "computing" or "memory": what most of the time goes to.
    """

    file: str
    chip: str
    estimated_ms: float
    macs: int
    bytes: int
    bound: str


def estimate_file(path: Path, chip: str) -> Estimate | Skipped:
    """Estimate an int8 TFLite file on a chip's NPU.

    Raises:
        UsageError: the chip is not known.
        ModelError: the file is not whole.
    """
    if chip not in CHIPS:
        raise UsageError(f"No estimate is known for '{chip}'; there are {', '.join(CHIPS)}.")
    if path.suffix.lower() != ".tflite":
        return Skipped("estimates are for .tflite files on an NPU")
    from edge_imgq.export.tflite.describe import describe

    found = describe(path)
    if found.inputs[0].dtype != "uint8":
        return Skipped("it is a float file, and the figures of the chips are for int8")
    moved = _bytes(found)
    milliseconds, bound = roofline(CHIPS[chip], found.macs, moved)
    return Estimate(str(path), CHIPS[chip].name, milliseconds, found.macs, moved, bound)


def roofline(chip: Chip, macs: int, moved: int) -> tuple[float, str]:
    """Return milliseconds, and what most of them go to.

    Args:
        chip: where.
        macs: multiply-accumulates; each is two operations.
        moved: bytes.
    """
    parts = {
        "computing": 2 * macs / (chip.tera_operations * 1e12) * 1e3,
        "memory": moved / (chip.gigabytes * 1e9) * 1e3,
    }
    slower = max(parts, key=lambda key: parts[key])
    bound = slower if parts[slower] > chip.floor_ms else "starting"
    return chip.floor_ms + parts[slower], bound


def _bytes(found: FileDescription) -> int:
    """Return image, result and weights, all of one byte a value."""
    edges = (*found.inputs, *found.outputs)
    return found.parameters + sum(math.prod(int(side) for side in row.shape) for row in edges)
