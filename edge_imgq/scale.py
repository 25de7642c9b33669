"""Define the scale of a network: output height over input height, whole or a fraction."""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

Scale: TypeAlias = int | Fraction
"""An int where the scale is whole, so that it prints as one; else a fraction in lowest terms."""


def scale_of(output: int, length: int) -> Scale:
    """Return `output` / `length` as a scale, exactly: an int if whole, else a Fraction.

    Both are lengths in pixels along one axis, of a network's output and of its input.

    Raises:
        ZeroDivisionError: `length` is 0.
    """
    return as_scale(Fraction(output, length))


def as_scale(fraction: Fraction) -> Scale:
    """Return a fraction as a scale: an int if it is whole, else the fraction itself."""
    return fraction.numerator if fraction.denominator == 1 else fraction


def read_scale(text: str) -> Scale:
    """Parse a scale from text such as "2", "4/3" or "1.5", exactly: an int if whole.

    Raises:
        ValueError: the text is not a positive number.
    """
    try:
        fraction = Fraction(text)
    except ZeroDivisionError as error:
        raise ValueError(f"'{text}' is no scale") from error
    if fraction <= 0:
        raise ValueError(f"'{text}' is no scale")
    return as_scale(fraction)


def scaled(length: int, scale: Scale) -> int:
    """Return `length` × `scale`, rounded down to a whole number of pixels.

    With a whole scale it is exact.
    """
    return length * scale.numerator // scale.denominator
