"""Scales as text and as lengths."""

from __future__ import annotations

from fractions import Fraction

import pytest

from edge_imgq.scale import read_scale, scale_of, scaled


def test_a_whole_scale_is_an_int_and_prints_as_one() -> None:
    assert (scale_of(96, 48), str(scale_of(96, 48))) == (2, "2")
    assert isinstance(scale_of(96, 48), int)
    assert (scale_of(64, 48), str(scale_of(64, 48))) == (Fraction(4, 3), "4/3")


@pytest.mark.parametrize("text", ["1", "4", "4/3", "1/2"])
def test_what_is_printed_is_read(text: str) -> None:
    assert str(read_scale(text)) == text


@pytest.mark.parametrize("text", ["0", "-2", "1/0", "two", ""])
def test_what_is_no_scale_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no scale|Invalid literal"):
        read_scale(text)


def test_a_length_is_rounded_down() -> None:
    assert [scaled(5, scale) for scale in (2, Fraction(3, 2), Fraction(1, 2))] == [10, 7, 2]
