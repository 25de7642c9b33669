"""The tile of a convolution kernel: what it computes at once, filled or not."""

from __future__ import annotations

from dataclasses import dataclass


def round_up(number: int, unit: int) -> int:
    """Return the least multiple of a unit that is not below a number."""
    return -(-number // unit) * unit


@dataclass(frozen=True)
class NarrowTile:
    """A tile of fewer outputs, which a runtime takes where the other would be mostly empty.

    Attributes:
        outputs: output channels that it computes at once.
        cost: what a multiply-accumulate takes in it, by one in the wide tile.
    """

    outputs: int
    cost: float


@dataclass(frozen=True)
class Tile:
    """What a kernel computes at once: the columns of its tile, and the group that it reads.

    Attributes:
        outputs: output channels that it computes at once.
        inputs: input channels that it reads as one group.
        tap: input channels in whose time a kernel of several taps moves on to the next one.
        requantize: input channels in whose time it scales what it writes to integers.
        narrow: the tile for few outputs; None where there is no other.
    """

    outputs: int
    inputs: int = 1
    tap: float = 0
    requantize: float = 0
    narrow: NarrowTile | None = None

    def slots(self, taps: int, inputs: int, outputs: int) -> float:
        """Return the multiply-accumulates of a convolution per output position, filled or not.

        Where the family has them, what a tile costs besides is in it, in the same unit.

        Args:
            taps: kernel height × width.
            inputs: input channels of one group.
            outputs: output channels.
        """
        tap = self.tap if taps > 1 else 0.0  # a matrix product has no taps to go through
        products = taps * (round_up(inputs, self.inputs) + tap)
        return (products + self.requantize) * self._lanes(taps, outputs)

    def _lanes(self, taps: int, outputs: int) -> float:
        """Return the columns that are computed for some outputs, by what they take.

        XNNPACK takes the narrow tile for fewer outputs than the wide one has and, in a matrix
        product, which a 1×1 convolution is, wherever it leaves fewer columns empty.
        Source: `xnn_use_nr2`, and where `src/operators/convolution-nhwc.c` chooses its kernel.
        """
        wide, narrow = round_up(outputs, self.outputs), self.narrow
        if narrow is None:
            return wide
        few = round_up(outputs, narrow.outputs)
        is_product = taps == 1 and few < wide and (wide - outputs) * 100 > outputs
        return narrow.cost * few if outputs < self.outputs or is_product else wide
