"""Define the scale of a network: output height over input height, whole or a fraction."""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

Scale: TypeAlias = int | Fraction
"""An int where the scale is whole, so that it prints as one; else a fraction in lowest terms."""


def scale_of(output: int, length: int) -> Scale:
    """Return output / length as a scale.

    Raises:
        ZeroDivisionError: `length` is 0.
    """
    return as_scale(Fraction(output, length))


def as_scale(fraction: Fraction) -> Scale:
    """Return a fraction as a scale: an int if it is whole."""
    return fraction.numerator if fraction.denominator == 1 else fraction


def read_scale(text: str) -> Scale:
    """Parse a scale from text such as "2" or "4/3".

    Raises:
        ValueError: the text is not a positive number.
    """
    try:
        found = Fraction(text)
    except ZeroDivisionError as error:
        raise ValueError(f"'{text}' is no scale") from error
    if found <= 0:
        raise ValueError(f"'{text}' is no scale")
    return as_scale(found)


def scaled(length: int, scale: Scale) -> int:
    """Return the length of an output, rounded down where the scale is a fraction."""
    return length * scale.numerator // scale.denominator
