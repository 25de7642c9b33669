"""Photographs that must gain and drawings that must not lose, with what is known of each."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.contract import ImageContract
from edge_imgq.quantize.calibration.patch_sampler import PatchSampler
from edge_imgq.quantize.ranges.guard_set import GuardSet, guard_of
from tests.quantize.smooth_photo import photo

PHOTOS = [photo(seed) for seed in range(6)]


def guard(contract: ImageContract, size: tuple[int, int] | None = None) -> GuardSet:
    patches = PatchSampler(contract.multiple, size)
    list(patches.sampling(PHOTOS))
    return guard_of(contract, patches, one_by_one=False)


def test_an_enlarger_gets_smaller_photographs_of_the_same_output_size() -> None:
    plain = guard(ImageContract("image-to-image", 1, "rgb", peak=255.0))
    enlarging = guard(ImageContract("super-resolution", 2, "rgb", peak=255.0))
    assert plain.photos.shape[1] == enlarging.photos.shape[1] == 3
    assert [2 * side for side in enlarging.photos.shape[2:]] == list(plain.photos.shape[2:])
    assert enlarging.stress.shape[1:] == enlarging.photos.shape[1:]
    assert enlarging.photos.max() > 100
    fixed = guard(ImageContract("super-resolution", 2, "rgb"), (64, 80))
    assert fixed.photos.shape[2:] == (64, 80)
    assert fixed.photos.max() <= 1


def test_drawings_have_a_truth_of_the_output_size_only_where_the_task_is_known() -> None:
    known = guard(ImageContract("super-resolution", 2, "rgb"))
    assert known.truths is not None
    assert len(known.truths) == len(known.stress)
    assert [side // 2 for side in known.truths.shape[2:]] == list(known.stress.shape[2:])
    assert guard(ImageContract("image-to-image", 1, "rgb")).truths is None


@pytest.mark.parametrize("count", [2, 6])
def test_four_photographs_at_full_contrast_and_their_negatives_join_the_drawings(
    count: int,
) -> None:
    photos = np.random.default_rng(1).uniform(64, 128, (count, 3, 8, 8)).astype(np.float32)
    stress = np.full((2, 3, 8, 8), 7, np.float32)
    unlike = GuardSet(photos, stress, None, 255.0).unlike
    assert len(unlike) == 2 + 2 * min(count, 4)
    np.testing.assert_array_equal(unlike[:2], stress)
    assert unlike[2:].min() == 0
    assert unlike[2:].max() == 255
