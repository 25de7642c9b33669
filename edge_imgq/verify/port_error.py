"""Measure errors of outputs that are no picture, in their own unit."""

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
        port: name of the port.
        relative: root of the sum of squared errors, divided by that of the float model's numbers.
        largest: largest absolute error, in the port's own unit.
        of_range: largest absolute error as a share of the port's range.
    """

    port: str
    relative: float
    largest: float
    of_range: float


@dataclass(frozen=True)
class OutputSums:
    """Comparison of a further output with the float model's, for one image.

    Attributes:
        port: port of the output.
        decibel: PSNR over the port's range, in dB.
        numbers: summed errors.
        beyond: share of the float model's numbers outside the range, 0 … 1.
    """

    port: Port
    decibel: float
    numbers: PortSums
    beyond: float


@dataclass(frozen=True)
class PortSums:
    """Summed errors of a port's numbers for one image.

    Attributes:
        squares: sum of squared errors.
        reference: sum of squares of the float model's numbers.
        largest: largest absolute error, in the port's own unit.
        of_range: largest absolute error as a share of the port's range.
    """

    squares: float
    reference: float
    largest: float
    of_range: float


def port_sums(port: Port, reference: Levels, file: Levels) -> PortSums:
    """Sum the errors of a port's numbers for one image, in the port's own unit, in float64.

    Args:
        port: port of the numbers, with the range of each channel.
        reference: the float model's numbers, float64 (H, W, C), with the port's range mapped to 0 …
            255.
        file: the file's numbers, in the same shape and units.

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
    """Reduce the errors of one or more images to those of a port.

    The relative error is √(sum of squared errors / sum of squares of the float model's numbers). If
    the float model returned only zeros, it is 0 for equal numbers and 1 otherwise.

    Args:
        name: name of the port.
        images: summed errors, one entry per image, at least one.
    """
    squares, reference = (sum(i.squares for i in images), sum(i.reference for i in images))
    return PortError(
        name,
        math.sqrt(squares / reference) if reference else float(squares > 0),
        max(image.largest for image in images),
        max(image.of_range for image in images),
    )
