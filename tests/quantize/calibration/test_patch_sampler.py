"""Patches kept of streaming images."""

from __future__ import annotations

import numpy as np

from edge_imgq.quantize.calibration.patch_sampler import FEW_PIXELS, MAX_PIXELS, SIDE, PatchSampler


def flat(value: int, size: tuple[int, int] = (96, 96)) -> np.ndarray:
    return np.full((*size, 1), value, np.uint8)


def kept_of(keeper: PatchSampler) -> tuple[set[int], set[int]]:
    """Return the gray values of the patches to learn from and of those held out."""
    learned, held_out = keeper.all(255.0), keeper.held_out(255.0)
    return {int(patch.max()) for patch in learned}, {int(patch.max()) for patch in held_out}


def test_images_pass_through_unchanged_and_memory_is_bounded() -> None:
    keeper = PatchSampler(multiple=4)
    passed = sum(1 for _ in keeper.sampling(flat(i % 256, (200, 300)) for i in range(600)))
    assert passed == 600
    assert keeper.all(1.0).size <= MAX_PIXELS
    assert keeper.batch(1.0).size <= FEW_PIXELS
    assert keeper.held_out(1.0).size <= FEW_PIXELS


def test_late_images_have_the_same_chance_as_early_ones() -> None:
    keeper = PatchSampler(multiple=4)
    list(keeper.sampling(flat(i // 8) for i in range(2000)))
    learned, _ = kept_of(keeper)
    assert min(learned) < 25
    assert max(learned) > 225


def test_a_patch_that_is_held_out_is_never_learned_from() -> None:
    keeper = PatchSampler(multiple=1)
    list(keeper.sampling(flat(i) for i in range(200)))
    learned, held_out = kept_of(keeper)
    assert held_out
    assert not learned & held_out


def test_the_few_patches_come_from_all_images() -> None:
    keeper = PatchSampler(multiple=1)
    list(keeper.sampling(flat(20 * i, (384, 384)) for i in range(8)))
    assert len({int(patch.max()) for patch in keeper.batch(255.0)}) == 8


def test_no_patch_is_kept_of_extremes() -> None:
    keeper = PatchSampler(multiple=1)
    passed = list(keeper.sampling((flat(i) for i in range(24)), extremes={3, 5, 17}))
    learned, held_out = kept_of(keeper)
    assert len(passed) == 24
    assert learned | held_out == set(range(24)) - {3, 5, 17}


def test_a_network_of_fixed_size_gets_patches_of_that_size() -> None:
    keeper = PatchSampler(multiple=1, size=(20, 40))
    list(keeper.sampling([flat(1, (96, 96))]))
    assert keeper.batch(1.0).shape[1:] == (1, 20, 40)


def test_a_small_image_is_mirrored_out_to_a_patch() -> None:
    keeper = PatchSampler(multiple=8)
    list(keeper.sampling([flat(7, (50, 120))]))
    assert keeper.batch(255.0).shape == (1, 1, SIDE, SIDE)
    assert keeper.batch(255.0).min() == 7
