"""Sparse codes and the dictionary that gives the best of them: OMP and K-SVD, in numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Indices = NDArray[np.int64]

SPARSITY = 3
"""Atoms in a code."""

ROUNDS = 20
"""Of K-SVD."""

AT_ONCE = 8192
"""Samples whose correlations with all atoms are held at once."""

RIDGE = 1e-6
"""Keeps codes apart where two atoms are nearly one."""


def sparse_codes(samples: Floats, atoms: Floats) -> tuple[Indices, Floats]:
    """Return which atoms every sample is made of, and how much of each.

    By orthogonal matching pursuit (Pati, Rezaiifar and Krishnaprasad, Asilomar 1993): the atom that
    correlates most with what is left is added, and all amounts are fitted anew, until there are
    three.

    Args:
        samples: (N, d).
        atoms: (K, d), of length one.

    Returns:
        (N, 3) each: indices of atoms, and amounts.
    """
    products = atoms @ atoms.T
    parts = [
        _pursuit(samples[start : start + AT_ONCE] @ atoms.T, products)
        for start in range(0, len(samples), AT_ONCE)
    ]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _pursuit(correlations: Floats, products: Floats) -> tuple[Indices, Floats]:
    left = correlations.copy()
    rows = np.arange(len(correlations))
    chosen = np.empty((len(correlations), 0), np.int64)
    amounts = np.empty((len(correlations), 0), np.float32)
    for count in range(1, SPARSITY + 1):
        magnitudes = np.abs(left)
        magnitudes[rows[:, None], chosen] = -1.0  # an atom is taken once
        chosen = np.column_stack((chosen, magnitudes.argmax(axis=1)))
        among = products[chosen[:, :, None], chosen[:, None, :]]
        wanted = correlations[rows[:, None], chosen][..., None]
        amounts = np.linalg.solve(among + RIDGE * np.eye(count, dtype=np.float32), wanted)[..., 0]
        if count < SPARSITY:
            left = correlations.copy()
            for place in range(count):
                left -= amounts[:, place, None] * products[chosen[:, place]]
    return chosen, amounts


def learn_atoms(samples: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Return atoms (count, d) of length one by which samples (N, d) are coded best: K-SVD.

    Aharon, Elad and Bruckstein, IEEE TSP 2006, with one step of the power method for each atom in
    place of a singular value decomposition (Rubinstein, Zibulevsky and Elad, 2008). An atom that no
    sample uses becomes one of the samples.
    """
    atoms = _of_length_one(samples[rng.choice(len(samples), count, replace=False)])
    for _ in range(ROUNDS):
        chosen, amounts = sparse_codes(samples, atoms)
        left = samples - np.einsum("nt,ntd->nd", amounts, atoms[chosen])
        flat = chosen.ravel()
        order = np.argsort(flat, kind="stable")
        ends = np.searchsorted(flat[order], np.arange(count + 1))
        for atom in range(count):
            places = order[ends[atom] : ends[atom + 1]]
            if not len(places):
                atoms[atom] = _of_length_one(samples[rng.integers(len(samples), size=1)])[0]
                continue
            rows, columns = np.divmod(places, SPARSITY)
            own = left[rows] + amounts[rows, columns][:, None] * atoms[atom]
            atoms[atom] = _of_length_one((amounts[rows, columns] @ own)[None])[0]
            amounts[rows, columns] = own @ atoms[atom]
            left[rows] = own - amounts[rows, columns][:, None] * atoms[atom]
    return atoms


def _of_length_one(vectors: Floats) -> Floats:
    lengths: Floats = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(lengths, 1e-8)).astype(np.float32)
