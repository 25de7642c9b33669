"""ANR and A+ as their papers describe them."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from edge_imgq.images.resize import upscale
from edge_imgq.pipeline.evaluate.anchored_regression import (
    AnchoredRegression,
    blended,
    enlarged,
    features_of,
    patch_offsets,
    patch_positions,
)

LUMA = data.camera()[100:130, 200:236]


def method(scale: int, maps: np.ndarray) -> AnchoredRegression:
    """Return one of two features and two atoms."""
    basis = np.zeros((4 * (3 * scale) ** 2, 2), np.float32)
    basis[0, 0] = basis[-1, 1] = 1.0
    return AnchoredRegression(scale, basis, np.eye(2, dtype=np.float32), maps)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_maps_of_zeros_leave_bicubic(scale: int) -> None:
    found = method(scale, np.zeros((2, 2, (3 * scale) ** 2), np.float16))(LUMA[..., None])
    np.testing.assert_array_equal(found, upscale(LUMA[..., None], scale))


def test_patches_that_overlap_are_averaged_and_the_border_is_left() -> None:
    shape, scale = (14, 16), 2
    positions = patch_positions(shape, scale, stride=1)
    rng = np.random.default_rng(0)
    patches = rng.normal(size=(len(positions), 36)).astype(np.float32)
    total, count = np.zeros(shape), np.zeros(shape)
    for patch, place in zip(patches, positions, strict=True):
        top, left = divmod(int(place), shape[1])
        total[top : top + 6, left : left + 6] += patch.reshape(6, 6)
        count[top : top + 6, left : left + 6] += 1
    np.testing.assert_allclose(
        blended(patches, positions, shape, scale), total / np.maximum(count, 1), atol=1e-5
    )
    inside = np.zeros(shape, bool)
    inside[scale:-scale, scale:-scale] = True
    np.testing.assert_array_equal(count > 0, inside)


def test_features_are_differences_of_neighbours_a_small_pixel_apart() -> None:
    scale = 3
    smooth = enlarged(LUMA, scale)
    positions = patch_positions(smooth.shape, scale, stride=2)
    found = features_of(smooth, positions, scale).reshape(len(positions), 4, -1)
    inside = patch_offsets(smooth.shape, scale)
    flat = smooth.ravel()
    width = smooth.shape[1]
    for sample in (0, len(positions) // 2, len(positions) - 1):
        at = positions[sample] + inside
        # One small pixel of three: from one to the left of a place to two to the right of it.
        steps = [flat[at + 2 * along] - flat[at - along] for along in (1, width)]
        right, left = flat[at + scale], flat[at - scale]
        below, above = flat[at + scale * width], flat[at - scale * width]
        bends = [(right + left) / 2 - flat[at], (below + above) / 2 - flat[at]]
        wanted = [*steps, *bends]
        np.testing.assert_allclose(found[sample], wanted, atol=1e-3)


def test_a_patch_goes_to_the_atom_that_correlates_most_whatever_its_sign() -> None:
    """The map of the first atom adds its feature, that of the second nothing."""
    scale = 2
    maps = np.zeros((2, 2, 36), np.float32)
    maps[0, 0] = 1.0
    smooth = enlarged(LUMA, scale)
    positions = patch_positions(smooth.shape, scale, stride=1)
    seen = features_of(smooth, positions, scale) @ method(scale, maps).basis
    first = np.abs(seen[:, 0]) >= np.abs(seen[:, 1])
    assert (seen[first, 0] < 0).any()
    added = np.where(first, seen[:, 0], 0.0)[:, None].repeat(36, 1).astype(np.float32)
    wanted = np.clip(np.rint(smooth + blended(added, positions, smooth.shape, scale)), 0, 255)
    found = method(scale, maps)(LUMA[..., None])[..., 0]
    assert np.abs(found - wanted).max() <= 1


def test_colours_are_enlarged_by_bicubic() -> None:
    photo = data.astronaut()[40:70, 200:240]
    found = method(2, np.zeros((2, 2, 36), np.float16))(photo).astype(int)
    assert found.shape == (60, 80, 3)
    assert np.abs(found - upscale(photo, 2)).mean() < 1.0
