"""Where tiles lie, at every size around a tile, with one-pixel remainders among them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_imgq.images.tile_plan import balanced, mirrored, padded_length, spans, starts, up


@given(
    steps=st.integers(1, 60),
    largest=st.integers(4, 40),
    halo=st.integers(0, 30),
    multiple=st.sampled_from([1, 2, 4, 8]),
)
def test_every_place_lies_in_a_tile_with_its_halo(
    steps: int, largest: int, halo: int, multiple: int
) -> None:
    length = steps * multiple
    tile = balanced(length, 2 * halo + largest * multiple, halo, multiple)
    cut = starts(length, tile, halo, multiple)
    assert all(start % multiple == 0 for start in (*cut, tile))
    assert cut[0] == 0
    assert cut[-1] + tile == length
    for before, after in itertools.pairwise(cut):
        assert before < after
        assert before + tile - after >= 2 * halo


def test_a_balanced_tile_is_no_longer_than_asked_for_and_splits_evenly() -> None:
    assert balanced(300, 512, 10, 1) == 300
    assert balanced(520, 512, 10, 1) == 270
    assert balanced(4000, 512, 10, 4) <= 512


def test_a_tile_that_is_all_halo_is_refused() -> None:
    with pytest.raises(ValueError, match="leaves nothing"):
        starts(100, 20, 10, 1)
    with pytest.raises(ValueError, match="do not fit"):
        starts(100, 128, 10, 1)


@pytest.mark.parametrize("scale", [1, 2, 3])
@pytest.mark.parametrize(("halo", "multiple"), [(0, 1), (3, 1), (3, 2), (5, 4), (0, 8)])
def test_what_tiles_write_is_the_image_each_line_once_with_its_halo(
    halo: int, multiple: int, scale: int
) -> None:
    tile = up(2 * halo + multiple + 3, multiple)
    for length in range(1, 6 * tile):
        found = spans(length, tile, halo, multiple, scale)
        padded = padded_length(length, tile, multiple)
        assert [line for s in found for line in range(s.write, s.write + s.length)] == list(
            range(length * scale)
        ), length
        for span in found:
            assert span.length > 0
            assert span.read % multiple == 0
            assert span.read * scale + span.crop == span.write
            assert 0 <= span.crop <= span.crop + span.length <= tile * scale
            before = span.crop >= halo * scale or span.read == 0
            after = tile * scale - span.crop - span.length >= halo * scale
            assert before, length
            assert after or span.read + tile == padded, length


@pytest.mark.parametrize("length", [1, 2, 3, 7])
def test_an_image_goes_on_as_its_mirror_image_however_far(length: int) -> None:
    lines = np.arange(length)
    expected = np.pad(lines, (0, 5 * length + 3), mode="reflect")
    assert [mirrored(index, length) for index in range(len(expected))] == expected.tolist()
