"""Learn ANR and A+ from photographs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.resize import crop_to_multiple, downscale, resize
from edge_imgq.pipeline.evaluate.anchored_regression import (
    AnchoredRegression,
    enlarged,
    features_of,
    patch_offsets,
    patch_places,
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
"""ANR: nearest atoms per atom, and weight of the ridge penalty."""

NEIGHBOURS_PLUS, RIDGE_PLUS = 2048, 0.1
"""A+: nearest samples per atom, and weight of the ridge penalty."""

SIZES = tuple(0.98**power for power in range(12))
"""Scales at which A+ uses every photograph."""

POOL = 1_500_000
"""Largest number of samples that A+ searches for neighbours."""

BLOCK = 16
"""Atoms whose neighbours are searched at once."""

FAINT = 0.1
"""Feature norm in levels of 255 below which A+ ignores a sample."""

SEED = 1


def learn_regression(
    photos: Sequence[Pixels], scale: int, atoms: int = ATOMS
) -> tuple[AnchoredRegression, AnchoredRegression]:
    """Learn ANR and A+ from the luma of photographs.

    Args:
        photos: luma, uint8 (H, W, 1).
        scale: upscaling factor.
        atoms: number of atoms of the dictionary.
    """
    rng = np.random.default_rng(SEED)
    features, patches = _samples(photos, scale, (1.0,))
    basis = principal_components(features)
    seen = features @ basis
    coded = rng.permutation(len(seen))[:CODED]
    dictionary = learn_atoms(seen[coded], min(atoms, len(coded)), rng)
    high = _high_atoms(seen[coded], patches[coded], dictionary)
    anr = AnchoredRegression(scale, basis, dictionary, _maps_of_atoms(dictionary, high))
    pool = _pool(photos, scale, basis, rng)
    return anr, AnchoredRegression(scale, basis, dictionary, _maps_of_samples(dictionary, *pool))


def principal_components(features: Floats) -> Floats:
    """Return the principal components (d, k) with 99.9 % of the energy of features (N, d)."""
    energies, directions = np.linalg.eigh(features.T @ features)
    shares = np.cumsum(energies.clip(0.0)) / energies.clip(0.0).sum()
    kept: Floats = directions[:, shares >= LEFT_OUT].astype(np.float32)
    return kept


def _samples(photos: Sequence[Pixels], scale: int, sizes: Sequence[float]) -> tuple[Floats, Floats]:
    parts = list(_patches(photos, scale, sizes))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _patches(
    photos: Sequence[Pixels], scale: int, sizes: Sequence[float]
) -> Iterator[tuple[Floats, Floats]]:
    """Yield the features and residual patches of bicubic upscaling, image by image."""
    for photo in photos:
        for size in sizes:
            shape = [round(length * size) for length in photo.shape[:2]]
            truth = crop_to_multiple(resize(photo, (shape[0], shape[1])), scale)
            smooth = enlarged(downscale(truth, scale)[..., 0], scale)
            places = patch_places(smooth.shape, scale, step=2)
            inside = places[:, None] + patch_offsets(smooth.shape, scale)
            lacking = truth[..., 0].astype(np.float32) - smooth
            yield features_of(smooth, places, scale), lacking.ravel()[inside]


def _high_atoms(seen: Floats, patches: Floats, dictionary: Floats) -> Floats:
    """Return the atoms' residual patches (K, patch), by least squares over sample codes."""
    chosen, amounts = sparse_codes(seen, dictionary)
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
    return np.stack([_map(dictionary[own], high[own], RIDGE) for own in nearest])


def _maps_of_samples(
    dictionary: Floats, seen: Floats, patches: NDArray[np.float16]
) -> NDArray[np.float16]:
    """Return A+'s maps: ridge regression over the nearest samples of each atom.

    Samples have unit norm, and their patches are scaled alike.
    """
    count = min(NEIGHBOURS_PLUS, len(seen))
    maps = []
    for start in range(0, len(dictionary), BLOCK):
        likeness = dictionary[start : start + BLOCK] @ seen.T
        for row in likeness:
            own = np.argpartition(-row, count - 1)[:count]
            maps.append(_map(seen[own], patches[own].astype(np.float32), RIDGE_PLUS))
    return np.stack(maps)


def _map(seen: Floats, patches: Floats, ridge: float) -> NDArray[np.float16]:
    """Return the ridge regression (d, patch) from components to patches."""
    products = seen.T @ seen + ridge * np.eye(seen.shape[1], dtype=np.float32)
    return np.linalg.solve(products, seen.T @ patches).astype(np.float16)


def _pool(
    photos: Sequence[Pixels], scale: int, basis: Floats, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.float16]]:
    """Return unit-norm components and equally scaled patches of samples at all SIZES."""
    kept_seen, kept_patches = [], []
    share = min(1.0, POOL / _count(photos, scale))
    for features, patches in _patches(photos, scale, SIZES):
        kept = rng.uniform(size=len(features)) < share
        seen = features[kept] @ basis
        lengths = np.linalg.norm(seen, axis=1, keepdims=True)
        directed = lengths[:, 0] >= FAINT
        kept_seen.append((seen / np.maximum(lengths, FAINT))[directed])
        kept_patches.append((patches[kept] / np.maximum(lengths, FAINT))[directed].astype("f2"))
    return np.concatenate(kept_seen), np.concatenate(kept_patches)


def _count(photos: Sequence[Pixels], scale: int) -> float:
    """Return the approximate number of samples at all SIZES."""
    pixels = sum(photo.size for photo in photos) * sum(size**2 for size in SIZES)
    return pixels / (2 * scale) ** 2
