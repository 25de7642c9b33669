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
    max_shift: int = 5,
    min_correlation: float = 0.9,
) -> Iterator[PatchPair]:
    """Cut two aligned photographs (H, W, 3) into adjacent patches and yield the matching pairs.

    As in DPED (Ignatov et al., ICCV 2017, section 2.1): each patch of the phone's photograph is
    located in the other one by cross-correlation. Patches start `max_shift` pixels from the top
    left corner; a remainder at the bottom or right is left out.

    Args:
        phone: photograph of the phone, uint8 (H, W, 3).
        other: aligned photograph, same shape.
        side: side of a patch in pixels.
        max_shift: largest displacement in pixels, in each direction.
        min_correlation: smallest normalized cross-correlation of luma, at most 1; other patches are
            left out. Flat patches have 0.
    """
    height, width = phone.shape[:2]
    gray = phone @ LUMA, other @ LUMA
    for top in range(max_shift, height - side - max_shift + 1, side):
        for left in range(max_shift, width - side - max_shift + 1, side):
            here = gray[0][top : top + side, left : left + side]
            reach = (
                slice(top - max_shift, top + side + max_shift),
                slice(left - max_shift, left + side + max_shift),
            )
            shift, correlation = best_shift(here, gray[1][reach])
            if correlation < min_correlation:
                continue
            down, right = shift[0] - max_shift, shift[1] - max_shift
            rows, columns = top + down, left + right
            yield PatchPair(
                phone[top : top + side, left : left + side],
                other[rows : rows + side, columns : columns + side],
                (down, right),
                correlation,
            )
