"""A kernel profile: what the project knows of the kernels of one processor family.

Passes, quantizer and writers are given one and have no such number of their own, so that all of
them count alike. Costs are in slots: multiply-accumulates of a convolution in the lanes that its
kernel computes, filled or not, so that four output channels may cost as much as sixteen. What
else an operator costs is given in slots of the arithmetic that it computes in.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.kernels.tile import Tile
from edge_imgq.kernels.times import KernelTimes


@dataclass(frozen=True)
class RowParityCost:
    """What it costs to compute a float image as its even and its odd rows, in slots.

    Attributes:
        near: for each channel of a pixel, read or written, that the sums of a minimal filter
            cost while they stay in the caches.
        far: the same where they go to memory.
        near_numbers: float32 numbers of half an image up to which they stay.
        apart: for each number of an image that is taken apart into its rows.
        together: for each number of one that is put together.
    """

    near: float
    far: float
    near_numbers: int
    apart: float
    together: float


@dataclass(frozen=True)
class ActivationCost:
    """What activations cost in an int8 file, in slots per position.

    Attributes:
        prelu: of a PReLU, for each channel: it is dequantized, applied and quantized.
        remainder: of a PReLU whose channels are no multiple of the int8 tile, besides.
        leaky: of a LeakyReLU, for each channel.
    """

    prelu: float
    remainder: float
    leaky: float


@dataclass(frozen=True)
class KernelProfile:
    """What is known of the kernels of a processor family.

    Attributes:
        name: of the family, for people.
        int8: tile of the convolutions of integers.
        float32: tile of those of float.
        position: slots of int8 that a convolution costs at every position, however small it is.
        copy: slots that moving one element costs, as depth-to-space and space-to-depth do.
        row_parity: of images computed as even and odd rows.
        activations: in int8.
        depthwise_taps: most taps of a channel that a depthwise kernel sums in one pass.
        no_integer_kernel: operators that take and return int8 and compute in float in between.
        tabled: those of them that take one tensor, and become one table between two conversions.
        multiplies_bytes: whether there are products of 8-bit integers.
        parts_outputs: whether outputs that overfill tiles by few are computed apart, in blocks.
        prunes_halves: whether halves of PReLUs that hardly count are given up for time.
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
    parts_outputs: bool
    prunes_halves: bool

    def tile(self, *, quantized: bool) -> Tile:
        """Return the tile of one arithmetic."""
        return self.int8 if quantized else self.float32


@dataclass(frozen=True)
class TimedProfile(KernelProfile):
    """A kernel profile of a family on which operators were timed.

    Attributes:
        times: of its kernels, counted in slots of its tiles.
    """

    times: KernelTimes
