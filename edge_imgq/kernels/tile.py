"""Tiles of convolution kernels: the channels computed at once, used or not."""

from __future__ import annotations

from dataclasses import dataclass


def round_up(number: int, unit: int) -> int:
    """Round an integer up to the next multiple of a positive unit; multiples are unchanged."""
    return -(-number // unit) * unit


@dataclass(frozen=True)
class NarrowTile:
    """A tile with fewer outputs, for convolutions that would leave the wide tile mostly empty.

    Attributes:
        outputs: output channels computed at once.
        cost: time of a multiply-accumulate relative to the wide tile.
    """

    outputs: int
    cost: float


@dataclass(frozen=True)
class Tile:
    """Tile of a kernel: output channels computed at once and input channels read as a group.

    Attributes:
        outputs: output channels computed at once.
        inputs: input channels read as one group.
        tap: cost of advancing to the next tap, as a number of input channels multiplied meanwhile;
            not for matrix products.
        requantize: cost of requantizing the result, in the same unit.
        narrow: tile for few outputs; None if there is none.
    """

    outputs: int
    inputs: int = 1
    tap: float = 0
    requantize: float = 0
    narrow: NarrowTile | None = None

    def slots(self, taps: int, inputs: int, outputs: int) -> float:
        """Count the multiply-accumulates of a convolution per output position, with unused lanes.

        It is (taps · (inputs rounded up + tap) + requantize) · outputs rounded up, where `tap` is 0
        for one tap; a lane of the narrow tile counts as its `cost`. The count is for one group.

        Args:
            taps: kernel height × width.
            inputs: input channels of one group.
            outputs: output channels of that group.
        """
        tap = self.tap if taps > 1 else 0.0  # a matrix product has no taps to go through
        products = taps * (round_up(inputs, self.inputs) + tap)
        return (products + self.requantize) * self._lanes(taps, outputs)

    def _lanes(self, taps: int, outputs: int) -> float:
        """Return the number of output lanes computed, weighted by the cost of their tile.

        XNNPACK uses the narrow tile for fewer outputs than the wide one has and, in matrix products
        such as 1×1 convolutions, wherever it leaves fewer lanes unused. Source: `xnn_use_nr2`, and
        the choice of the kernel in `src/operators/convolution-nhwc.c`.
        """
        wide, narrow = round_up(outputs, self.outputs), self.narrow
        if narrow is None:
            return wide
        few = round_up(outputs, narrow.outputs)
        is_product = taps == 1 and few < wide and (wide - outputs) * 100 > outputs
        return narrow.cost * few if outputs < self.outputs or is_product else wide
