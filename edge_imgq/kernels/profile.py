"""Kernel profile: tiles and costs of the kernels of one processor family.

Passes, quantizer and writers take these numbers from the profile, so that all use the same cost
model. Costs are in slots: multiply-accumulates of a convolution including the unused lanes of its
kernel's tile, so that four output channels can cost as much as sixteen. Costs of other operators
are in slots of the arithmetic (int8 or float32) in which they compute.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.kernels.tile import Tile
from edge_imgq.kernels.times import KernelTimes


@dataclass(frozen=True)
class RowParityCost:
    """Costs, in slots, of computing a float image as its even and its odd rows.

    Attributes:
        near: sums of a minimal filter, per channel of a pixel read or written, within the caches.
        far: the same in memory.
        near_numbers: largest number of float32 values in half an image for `near`.
        split: splitting an image into its rows, per element.
        interleave: interleaving the rows, per element.
    """

    near: float
    far: float
    near_numbers: int
    split: float
    interleave: float


@dataclass(frozen=True)
class ActivationCost:
    """Costs of activations in an int8 file, in slots per position.

    Attributes:
        prelu: PReLU per channel, which is dequantized, applied in float and quantized.
        remainder: extra cost of a PReLU whose channel count is not a multiple of the int8 tile.
        leaky: LeakyReLU per channel.
    """

    prelu: float
    remainder: float
    leaky: float


@dataclass(frozen=True)
class KernelProfile:
    """Tiles, costs and features of the kernels of a processor family.

    Attributes:
        name: name of the family, for messages.
        int8: tile of int8 convolutions.
        float32: tile of float32 convolutions.
        position: fixed cost of a convolution per position, in int8 slots.
        copy: cost of moving one element, as in depth-to-space and space-to-depth, in slots.
        row_parity: costs of images computed as even and odd rows.
        activations: costs of int8 activations.
        depthwise_taps: largest number of taps that a depthwise kernel sums in one pass.
        no_integer_kernel: operators that compute in float between int8 input and output.
        tabled: those of them with one input, which become a lookup table between conversions.
        multiplies_bytes: whether there are instructions for products of 8-bit integers.
        splits_remainder_outputs: whether outputs that slightly exceed full tiles are computed
            separately, in blocks.
        prunes_sign_channels: whether unimportant sign channels of PReLUs are removed for speed.
    """

    name: str
    int8: Tile
    float32: Tile
    position: float
    copy: float
    row_parity: RowParityCost
    activations: ActivationCost
    depthwise_taps: int
    no_integer_kernel: frozenset[str]
    tabled: frozenset[str]
    multiplies_bytes: bool
    splits_remainder_outputs: bool
    prunes_sign_channels: bool

    def tile(self, *, quantized: bool) -> Tile:
        """Return the tile of int8 convolutions if `quantized`, else of float32 ones."""
        return self.int8 if quantized else self.float32


@dataclass(frozen=True)
class TimedProfile(KernelProfile):
    """A kernel profile with measured operator times.

    Attributes:
        times: times of the kernels, in terms of slots of the profile's tiles.
    """

    times: KernelTimes
