"""Learn ANR and A+ from photographs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.resize import crop_to_multiple, downscale, resize
from edge_imgq.pipeline.evaluate.anchored_regression import (
    WINDOW,
    AnchoredRegression,
    enlarged,
    features_of,
    patch_offsets,
    patch_positions,
)
from edge_imgq.pipeline.evaluate.sparse_coding import learn_atoms, sparse_codes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Floats = NDArray[np.float32]

ATOMS = 1024
CODED = 120_000
"""Largest number of samples that the dictionary is learned from."""

LEFT_OUT = 1e-3
"""Share of the features' energy outside their principal components."""

NEIGHBOURS, RIDGE = 40, 0.01
"""ANR: nearest atoms per atom, and weight of the ridge penalty.

The penalty alone would shrink the code of an atom by itself to 1 / (1 + RIDGE); as in the authors'
program, maps are multiplied by 1 + RIDGE.
"""

NEIGHBOURS_PLUS, RIDGE_PLUS = 2048, 0.1
"""A+: nearest samples per atom, and weight of the ridge penalty."""

SIZES = tuple(0.98**power for power in range(12))
"""Scales at which A+ uses every photograph."""

STRIDE, STRIDE_PLUS = 2, 1
"""Spacing of samples in input pixels: for the dictionary, and for A+."""

POOL = 5_000_000
"""Largest number of samples that A+ searches for neighbours; those of the largest images first.

As many as the authors take. Of the 91 photographs of Yang et al. they occupy 0.9 GB at scale 2.
"""

BLOCK = 16
"""Atoms whose neighbours are searched at once."""

FAINT = 0.1
"""Feature norm in levels of 255 below which A+ ignores a sample."""

SEED = 1


def learn_regression(
    photos: Sequence[Pixels], scale: int, atoms: int = ATOMS
) -> tuple[AnchoredRegression, AnchoredRegression]:
    """Learn ANR and A+ from the luma of photographs.

    Random choices have a fixed seed. Photographs are shrunk by `downscale` for their low-resolution
    counterparts. Timofte, De Smet and Van Gool, ICCV 2013 and ACCV 2014.

    Args:
        photos: luma, uint8 (H, W, 1).
        scale: upscaling factor.
        atoms: number of atoms of the dictionary; fewer if there are fewer samples.

    Returns:
        ANR, then A+.
    """
    rng = np.random.default_rng(SEED)
    features, patches = _samples(photos, scale)
    basis = principal_components(features)
    components = features @ basis
    coded = rng.permutation(len(components))[:CODED]
    dictionary = learn_atoms(components[coded], min(atoms, len(coded)), rng)
    high = _high_atoms(components[coded], patches[coded], dictionary)
    anr = AnchoredRegression(scale, basis, dictionary, _maps_of_atoms(dictionary, high))
    pool = _pool(photos, scale, basis)
    return anr, AnchoredRegression(scale, basis, dictionary, _maps_of_samples(dictionary, *pool))


def principal_components(features: Floats) -> Floats:
    """Return the principal components with 99.9 % of the energy of features, float32 (d, k).

    The mean is not subtracted. Columns are orthonormal, in order of rising energy.

    Args:
        features: float32 (N, d), N of 1 or more.
    """
    energies, directions = np.linalg.eigh(features.T @ features)
    shares = np.cumsum(energies.clip(0.0)) / energies.clip(0.0).sum()
    kept: Floats = directions[:, shares >= LEFT_OUT].astype(np.float32)
    return kept


def _samples(photos: Sequence[Pixels], scale: int) -> tuple[Floats, Floats]:
    pairs = [_patches(photo, scale, STRIDE) for photo in photos]
    return np.concatenate([pair[0] for pair in pairs]), np.concatenate([pair[1] for pair in pairs])


def _patches(truth: Pixels, scale: int, stride: int) -> tuple[Floats, Floats]:
    """Return the features and residual patches of one image's bicubic upscaling."""
    truth = crop_to_multiple(truth, scale)
    smooth = enlarged(downscale(truth, scale)[..., 0], scale)
    positions = patch_positions(smooth.shape, scale, stride)
    inside = positions[:, None] + patch_offsets(smooth.shape, scale)
    lacking = truth[..., 0].astype(np.float32) - smooth
    return features_of(smooth, positions, scale), lacking.ravel()[inside]


def _at_all_sizes(photos: Sequence[Pixels]) -> Iterator[Pixels]:
    """Yield every photograph at every one of SIZES, the largest first."""
    for size in SIZES:
        for photo in photos:
            yield resize(photo, (round(photo.shape[0] * size), round(photo.shape[1] * size)))


def _high_atoms(components: Floats, patches: Floats, dictionary: Floats) -> Floats:
    """Return the atoms' residual patches (K, patch), by least squares over sample codes."""
    chosen, amounts = sparse_codes(components, dictionary)
    count = len(dictionary)
    products = np.zeros((count, count))
    mixed = np.zeros((count, patches.shape[1]))
    for one in range(chosen.shape[1]):
        np.add.at(mixed, chosen[:, one], amounts[:, one, None] * patches)
        for other in range(chosen.shape[1]):
            both = amounts[:, one] * amounts[:, other]
            np.add.at(products, (chosen[:, one], chosen[:, other]), both)
    # An atom that no code uses stays dark.
    return np.linalg.lstsq(products, mixed, rcond=None)[0].astype(np.float32)


def _maps_of_atoms(dictionary: Floats, high: Floats) -> NDArray[np.float16]:
    """Return ANR's maps: ridge regression over the nearest atoms of each atom."""
    likeness = np.abs(dictionary @ dictionary.T)
    nearest = np.argsort(-likeness, axis=1)[:, :NEIGHBOURS]
    maps = [(1.0 + RIDGE) * _map(dictionary[own], high[own], RIDGE) for own in nearest]
    return np.stack(maps).astype(np.float16)


def _maps_of_samples(
    dictionary: Floats, components: Floats, patches: NDArray[np.float16]
) -> NDArray[np.float16]:
    """Return A+'s maps: ridge regression over the nearest samples of each atom.

    Samples have unit norm, and their patches are scaled alike.
    """
    count = min(NEIGHBOURS_PLUS, len(components))
    maps = []
    for start in range(0, len(dictionary), BLOCK):
        likeness = dictionary[start : start + BLOCK] @ components.T
        for row in likeness:
            own = np.argpartition(-row, count - 1)[:count]
            maps.append(_map(components[own], patches[own].astype(np.float32), RIDGE_PLUS))
    return np.stack(maps).astype(np.float16)


def _map(components: Floats, patches: Floats, ridge: float) -> Floats:
    """Return the ridge regression (d, patch) from components to patches."""
    products = components.T @ components + ridge * np.eye(components.shape[1], dtype=np.float32)
    solved: Floats = np.linalg.solve(products, components.T @ patches)
    return solved


def _pool(
    photos: Sequence[Pixels], scale: int, basis: Floats
) -> tuple[Floats, NDArray[np.float16]]:
    """Return unit-norm components and equally scaled patches of at most POOL samples."""
    most = min(POOL, _count(photos, scale))
    all_components = np.empty((most, basis.shape[1]), np.float32)
    all_patches = np.empty((most, (WINDOW * scale) ** 2), np.float16)
    filled = 0
    for photo in _at_all_sizes(photos):
        if filled == most:
            break
        features, patches = _patches(photo, scale, STRIDE_PLUS)
        components = features @ basis
        lengths = np.linalg.norm(components, axis=1, keepdims=True)
        kept = np.flatnonzero(lengths[:, 0] >= FAINT)[: most - filled]
        positions = slice(filled, filled + len(kept))
        all_components[positions] = components[kept] / lengths[kept]
        all_patches[positions] = patches[kept] / lengths[kept]
        filled = positions.stop
    return all_components[:filled], all_patches[:filled]


def _count(photos: Sequence[Pixels], scale: int) -> int:
    """Return an upper bound of the number of samples at all SIZES."""
    pixels = sum(photo.size for photo in photos) * sum(size**2 for size in SIZES)
    return int(pixels / scale**2) + 1
