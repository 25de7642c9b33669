"""How far numbers that are no picture are from the float model's, in their own unit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.ports import Port

    Levels = NDArray[np.float64]

A_PICTURE = Skipped("the result is a picture, and dB say it")


@dataclass(frozen=True)
class PortError:
    """Errors of a port's numbers over all images.

    Attributes:
        port: its name.
        relative: root of the sum of squared errors, over that of the float model's numbers.
        largest: the largest error of any number, in its own unit.
        of_range: the largest error as a share of the range of its number.
    """

    port: str
    relative: float
    largest: float
    of_range: float


@dataclass(frozen=True)
class OutputSums:
    """What a file returned of one image beside the picture, compared with the float model's.

    Attributes:
        port: what it is.
        decibel: PSNR over its range.
        numbers: errors, added up.
        beyond: share of the float model's numbers that lie outside the range.
    """

    port: Port
    decibel: float
    numbers: PortSums
    beyond: float


@dataclass(frozen=True)
class PortSums:
    """The same of one image, before roots.

    Attributes:
        squares: of the errors.
        reference: squares of the float model's numbers.
        largest: error.
        of_range: largest share.
    """

    squares: float
    reference: float
    largest: float
    of_range: float


def port_sums(port: Port, reference: Levels, file: Levels) -> PortSums:
    """Add up the errors of one image's numbers.

    Args:
        port: what they are.
        reference: the float model's, (H, W, C), where 0 … 255 is the port's range.
        file: a file's, of the same shape.

    Raises:
        ValueError: shapes differ.
    """
    if reference.shape != file.shape:
        raise ValueError(f"shapes differ: {reference.shape} and {file.shape}")
    low, span = np.array(port.low), np.array(port.high) - np.array(port.low)
    shares = np.abs(file - reference) / 255
    errors, numbers = shares * span, low + reference / 255 * span
    return PortSums(
        float(np.square(errors).sum()),
        float(np.square(numbers).sum()),
        float(errors.max()),
        float(shares.max()),
    )


def port_error(name: str, images: Sequence[PortSums]) -> PortError:
    """Return the errors over images; there is at least one."""
    squares, reference = (sum(i.squares for i in images), sum(i.reference for i in images))
    return PortError(
        name,
        math.sqrt(squares / reference) if reference else float(squares > 0),
        max(image.largest for image in images),
        max(image.of_range for image in images),
    )
