"""Estimate a file's latency on a chip's NPU, for planning; never a measurement.

Roofline: t = floor + max(2 · MACs / operations per second, bytes / bandwidth). The floor is the
cost of starting the NPU. The operations per second are those that large networks reach. The bytes
are the least that must move: image, result and weights. Small channel counts, operators that the
NPU runs slowly, and copies are not modelled.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.errors import UsageError
from edge_imgq.formats import format_of
from edge_imgq.skipped import Skipped
from edge_imgq.wording import no_such

if TYPE_CHECKING:
    from edge_imgq.report.description import FileDescription


@dataclass(frozen=True)
class NpuSpec:
    """Performance of a chip's NPU in int8.

    Attributes:
        name: commercial name.
        tera_operations: int8 operations per second on large networks, in units of 10^12.
        floor_ms: latency of an empty network, in ms.
        gigabytes: memory bandwidth per second, in units of 10^9 bytes.
        source: source of its memory clock.
    """

    name: str
    tera_operations: float
    floor_ms: float
    gigabytes: float
    source: str


CHIPS: dict[str, NpuSpec] = {
    "sm8650": NpuSpec(
        *("Snapdragon 8 Gen 3", 36, 0.175, 76.8),
        "LPDDR5X at 4800 MHz: droidholic.com/snapdragon-8-gen-3-launched",
    ),
    "sm8750": NpuSpec(
        *("Snapdragon 8 Elite", 43, 0.175, 84.8),
        "LPDDR5X at 5300 MHz, 84.8 GB/s: geektopia.es, 22 October 2024, on its announcement",
    ),
    "sm8850": NpuSpec(
        *("Snapdragon 8 Elite Gen 5", 61, 0.175, 84.8),
        "LPDDR5X at 5300 MHz: lowyat.net/2025/366994/qualcomm-snapdragon-8-elite-gen-5",
    ),
}
"""Operations and floor: fitted to the times of AI_HUB. Bandwidth: two transfers of 64 bits a clock;
the second source states the product, of which the width follows; the others state the clock alone.
"""

AI_HUB = "Qualcomm AI Hub Models 0.46.1, TFLite w8a8 on the NPU"


@dataclass(frozen=True)
class Published:
    """A network with latencies published by others.

    Attributes:
        network: name of the network.
        macs: multiply-accumulates per image.
        moved: bytes of image and result.
        milliseconds: chip → latency in ms.
    """

    network: str
    macs: int
    moved: int
    milliseconds: dict[str, float]


def _quicksrnet(width: int, inner: int, **milliseconds: float) -> Published:
    """Return QuickSRNet ×4 for 128x128 pixels: 3x3 convolutions, `inner` of them in the middle."""
    pixels = 128 * 128
    macs = pixels * (3 * width + inner * width * width + width * 48) * 9
    return Published(f"QuickSRNet, {width} wide", macs, pixels * 3 * 17, milliseconds)


PUBLISHED = (
    _quicksrnet(32, 2, sm8650=0.270, sm8750=0.197, sm8850=0.162),
    _quicksrnet(64, 11, sm8650=0.483, sm8750=0.371, sm8850=0.331),
)
"""Times of AI_HUB on a Galaxy S24, a Galaxy S25 and a reference phone of Qualcomm's."""


@dataclass(frozen=True)
class Comparison:
    """Estimated and published latency of a network on one chip.

    Attributes:
        network: name of the network.
        macs: multiply-accumulates per image.
        published_ms: published latency, in ms.
        estimated_ms: estimated latency, in ms.
    """

    network: str
    macs: int
    published_ms: float
    estimated_ms: float

    @property
    def ratio(self) -> float:
        """Estimated divided by published latency; 1 where the estimate is exact."""
        return self.estimated_ms / self.published_ms


def compare(chip: str) -> tuple[Comparison, ...]:
    """Estimate the latency, in ms, of networks whose latency on a chip others have published.

    One comparison for each network of PUBLISHED, in that order.

    Args:
        chip: key of CHIPS, such as "sm8750".

    Raises:
        KeyError: the chip is not known.
    """
    return tuple(
        Comparison(
            row.network,
            row.macs,
            row.milliseconds[chip],
            roofline(CHIPS[chip], row.macs, row.moved)[0],
        )
        for row in PUBLISHED
    )


@dataclass(frozen=True)
class NpuTimeEstimate:
    """An estimated latency; never shown beside measured ones.

    Attributes:
        file: path of the file, as the user gave it.
        chip: name of the chip.
        estimated_ms: estimated latency in ms; see the module.
        macs: multiply-accumulates per image.
        bytes: least number of bytes that must move.
        bound: largest term of the estimate: "starting", "computing" or "memory".
    """

    file: str
    chip: str
    estimated_ms: float
    macs: int
    bytes: int
    bound: str


def estimate_file(path: Path, chip: str) -> NpuTimeEstimate | Skipped:
    """Estimate the latency in ms of an int8 TFLite file on a chip's NPU; `Skipped` for other files.

    A roofline (`roofline`) on the file's multiply-accumulates, and on the bytes of its image,
    result and weights. Nothing is run.

    Args:
        path: file written by edge-imgq; it must have fixed input sizes.
        chip: key of CHIPS, such as "sm8750".

    Raises:
        UsageError: the chip is not known.
        ModelError: the file is damaged.
    """
    if chip not in CHIPS:
        raise UsageError(no_such("estimate for a chip", chip, CHIPS))
    row = format_of(path)
    if row is None or "android" not in row.devices:
        return Skipped("estimates are for .tflite files on an NPU")
    describe: Callable[[Path, None], FileDescription] = row.functions.describe
    description = describe(path, None)
    if description.inputs[0].dtype != "uint8":
        return Skipped("it is a float file, and the figures of the chips are for int8")
    moved, macs = _bytes(description), description.macs
    milliseconds, bound = roofline(CHIPS[chip], macs, moved)
    return NpuTimeEstimate(str(path), CHIPS[chip].name, milliseconds, macs, moved, bound)


def roofline(chip: NpuSpec, macs: int, moved: int) -> tuple[float, str]:
    """Return an estimated latency in ms by the roofline model, and its largest term.

    The latency is the chip's floor plus the longer of computing and moving bytes. The term is
    "computing", "memory", or "starting" if the floor exceeds both.

    Args:
        chip: performance of the NPU in int8.
        macs: multiply-accumulates, two operations each.
        moved: bytes that must move between memory and NPU.
    """
    terms = {
        "computing": 2 * macs / (chip.tera_operations * 1e12) * 1e3,
        "memory": moved / (chip.gigabytes * 1e9) * 1e3,
    }
    slower = max(terms, key=lambda key: terms[key])
    bound = slower if terms[slower] > chip.floor_ms else "starting"
    return chip.floor_ms + terms[slower], bound


def _bytes(description: FileDescription) -> int:
    """Return the bytes of image, result and weights, one byte per value."""
    edges = (*description.inputs, *description.outputs)
    values = sum(math.prod(int(side) for side in row.shape) for row in edges)
    return description.parameters + values
