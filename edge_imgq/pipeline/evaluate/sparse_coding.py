"""Learn a dictionary by K-SVD and compute sparse codes by OMP, in numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Indices = NDArray[np.int64]

SPARSITY = 3
"""Number of atoms in a code."""

ROUNDS = 20
"""Iterations of K-SVD."""

AT_ONCE = 8192
"""Samples processed at once, to limit memory."""

RIDGE = 1e-6
"""Ridge term that keeps the normal equations regular for nearly equal atoms."""


def sparse_codes(samples: Floats, atoms: Floats) -> tuple[Indices, Floats]:
    """Return the sparse codes of samples: indices (N, 3) of atoms and their coefficients (N, 3).

    Orthogonal matching pursuit (Pati, Rezaiifar and Krishnaprasad, Asilomar 1993): the atom with
    the largest correlation to the residual is added and all coefficients are refitted, three times.

    Args:
        samples: float32 (N, d), N of 1 or more.
        atoms: unit-norm atoms, float32 (K, d), K of 3 or more.

    Returns:
        int64 and float32.
    """
    products = atoms @ atoms.T
    batches = [
        _pursuit(samples[start : start + AT_ONCE] @ atoms.T, products)
        for start in range(0, len(samples), AT_ONCE)
    ]
    return np.concatenate([batch[0] for batch in batches]), np.concatenate(
        [batch[1] for batch in batches]
    )


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
            for index in range(count):
                left -= amounts[:, index, None] * products[chosen[:, index]]
    return chosen, amounts


def learn_atoms(samples: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Return unit-norm atoms, float32 (count, d), learned from samples by K-SVD.

    Aharon, Elad and Bruckstein, IEEE TSP 2006, with one power iteration per atom instead of a
    singular value decomposition (Rubinstein, Zibulevsky and Elad, 2008); 20 iterations, 3 atoms per
    code. An unused atom is replaced by a random sample.

    Args:
        samples: float32 (N, d).
        count: number of atoms.
        rng: source of the random choices.

    Raises:
        ValueError: there are fewer samples than atoms.
    """
    atoms = _of_length_one(samples[rng.choice(len(samples), count, replace=False)])
    for _ in range(ROUNDS):
        chosen, amounts = sparse_codes(samples, atoms)
        left = samples - np.einsum("nt,ntd->nd", amounts, atoms[chosen])
        flat = chosen.ravel()
        order = np.argsort(flat, kind="stable")
        ends = np.searchsorted(flat[order], np.arange(count + 1))
        for atom in range(count):
            entries = order[ends[atom] : ends[atom + 1]]
            if not len(entries):
                atoms[atom] = _of_length_one(samples[rng.integers(len(samples), size=1)])[0]
                continue
            rows, columns = np.divmod(entries, SPARSITY)
            own = left[rows] + amounts[rows, columns][:, None] * atoms[atom]
            atoms[atom] = _of_length_one((amounts[rows, columns] @ own)[None])[0]
            amounts[rows, columns] = own @ atoms[atom]
            left[rows] = own - amounts[rows, columns][:, None] * atoms[atom]
    return atoms


def _of_length_one(vectors: Floats) -> Floats:
    lengths: Floats = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(lengths, 1e-8)).astype(np.float32)
