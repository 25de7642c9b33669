"""Matching patches of two photographs that are aligned to within a few pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.alignment import best_shift

if TYPE_CHECKING:
    from numpy.typing import NDArray

LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class PatchPair:
    """The same patch of two photographs.

    Attributes:
        phone: patch of the phone's photograph, uint8 (side, side, 3).
        other: patch of the other photograph, uint8 (side, side, 3).
        shift: displacement of the other patch (down, right), in pixels.
        correlation: normalized cross-correlation of their luma at that shift, at most 1.
    """

    phone: NDArray[np.uint8]
    other: NDArray[np.uint8]
    shift: tuple[int, int]
    correlation: float


def patch_pairs(
    phone: NDArray[np.uint8],
    other: NDArray[np.uint8],
    side: int,
    *,
    most: int = 5,
    least: float = 0.9,
) -> Iterator[PatchPair]:
    """Cut two aligned photographs (H, W, 3) into adjacent patches and yield the matching pairs.

    As in DPED (Ignatov et al., ICCV 2017, section 2.1): each patch of the phone's photograph is
    located in the other one by cross-correlation. Patches start `most` pixels from the top left
    corner; a remainder at the bottom or right is left out.

    Args:
        phone: photograph of the phone, uint8 (H, W, 3).
        other: aligned photograph, same shape.
        side: side of a patch in pixels.
        most: largest displacement in pixels.
        least: smallest correlation of a pair; flat patches have 0.
    """
    height, width = phone.shape[:2]
    gray = phone @ LUMA, other @ LUMA
    for top in range(most, height - side - most + 1, side):
        for left in range(most, width - side - most + 1, side):
            here = gray[0][top : top + side, left : left + side]
            reach = slice(top - most, top + side + most), slice(left - most, left + side + most)
            shift, correlation = best_shift(here, gray[1][reach])
            if correlation < least:
                continue
            down, right = shift[0] - most, shift[1] - most
            rows, columns = top + down, left + right
            yield PatchPair(
                phone[top : top + side, left : left + side],
                other[rows : rows + side, columns : columns + side],
                (down, right),
                correlation,
            )
