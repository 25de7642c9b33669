"""Codes of three atoms, and dictionaries."""

from __future__ import annotations

import itertools

import numpy as np

from edge_imgq.pipeline.evaluate.sparse_coding import SPARSITY, learn_atoms, sparse_codes


def directions(count: int, length: int, seed: int) -> np.ndarray:
    atoms = np.random.default_rng(seed).normal(size=(count, length)).astype(np.float32)
    return atoms / np.linalg.norm(atoms, axis=1, keepdims=True)


def mixed(atoms: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return samples that are made of three atoms each."""
    rng = np.random.default_rng(seed)
    chosen = np.stack([rng.choice(len(atoms), SPARSITY, replace=False) for _ in range(count)])
    amounts = rng.uniform(1.0, 3.0, chosen.shape) * rng.choice([-1, 1], chosen.shape)
    return np.einsum("nt,ntd->nd", amounts, atoms[chosen]).astype(np.float32)


def test_amounts_are_the_least_squares_of_the_chosen_atoms() -> None:
    atoms = directions(40, 12, 0)
    samples = np.random.default_rng(1).normal(size=(30, 12)).astype(np.float32)
    chosen, amounts = sparse_codes(samples, atoms)
    for sample, own, found in zip(samples, chosen, amounts, strict=True):
        assert len(set(own)) == SPARSITY
        wanted = np.linalg.lstsq(atoms[own].T, sample, rcond=None)[0]
        np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_in_an_orthonormal_dictionary_the_code_is_the_best_of_all_triples() -> None:
    atoms = np.linalg.qr(np.random.default_rng(2).normal(size=(8, 8)))[0].astype(np.float32)
    samples = np.random.default_rng(3).normal(size=(20, 8)).astype(np.float32)
    chosen, _ = sparse_codes(samples, atoms)
    for sample, own in zip(samples, chosen, strict=True):
        energy = (atoms @ sample) ** 2
        best = max(
            itertools.combinations(range(8), SPARSITY), key=lambda three: energy[[*three]].sum()
        )
        assert set(own) == set(best)


def test_a_learned_dictionary_codes_what_a_hidden_one_made() -> None:
    hidden = directions(24, 16, 4)
    samples = mixed(hidden, 3000, 5)
    atoms = learn_atoms(samples, 24, np.random.default_rng(6))
    np.testing.assert_allclose(np.linalg.norm(atoms, axis=1), 1.0, atol=1e-5)

    def left(dictionary: np.ndarray) -> float:
        chosen, amounts = sparse_codes(samples, dictionary)
        made = np.einsum("nt,ntd->nd", amounts, dictionary[chosen])
        return float(((samples - made) ** 2).sum() / (samples**2).sum())

    assert left(atoms) < 0.35 * left(directions(24, 16, 7))
    found = np.abs(hidden @ atoms.T).max(axis=1)
    assert np.median(found) > 0.98, "most of the atoms are those that made the samples"
