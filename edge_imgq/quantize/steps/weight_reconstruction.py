"""Weights that make up for what was lost before them.

A layer of the quantized graph reads other inputs x than the float layer did: rounded, clipped, and
without the channels that were given up. With y the float layer's answers and H = E[x·xᵀ], means
taken off, its weights are fitted to these before they are rounded:

    W ← W + E[(y − W·x)·xᵀ]·(H + ρ·I)⁻¹.

What rounding leaves is mostly noise, and a fit to the noise of some patches is worth nothing on
others. So ρ is chosen layer by layer, none for no fit among its values: each half of the positions
says how well weights answer that were fitted to the other half. Halves are of different patches. In
`fsrcnn-x2` the layers whose inputs lost channels are fitted, in `deblur-slim` next to none.

Hubara et al., "Accurate Post Training Quantization With Small Calibration Sets", ICML 2021; Li et
al., "GPTAQ: Efficient Finetuning-Free Quantization for Asymmetric Calibration", ICML 2025.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

RIDGES = (0.03, 0.1, 0.3, 1.0, 3.0)
"""What ρ may be, as shares of the mean of H's diagonal."""

WIDEST = 1024
"""Inputs of a layer that is fitted; time grows with their cube."""


@dataclass(frozen=True)
class LayerSamples:
    """What a convolution sees and should answer, at output positions in the order of the images.

    Attributes:
        inputs: (positions, I·K·L), float32, by the quantized layers before it.
        targets: (positions, O), by the float network.
    """

    inputs: NDArray[np.float32]
    targets: Matrix


@dataclass(frozen=True)
class Moments:
    """Second moments of a layer's inputs, and of these with what its answers lack.

    Attributes:
        inputs: H, (K, K).
        rests: (K, O).
    """

    inputs: Matrix
    rests: Matrix

    def fit(self, ridge: float) -> Matrix:
        """Return what is to be added to the weights, (K, O)."""
        held = self.inputs.copy()
        added = ridge * np.trace(held) / len(held) + np.finfo(float).tiny
        held.flat[:: len(held) + 1] += added
        return np.linalg.solve(held, self.rests).astype(np.float64)

    def change(self, moved: Matrix) -> float:
        """Return by how much the squared error of the answers grows with such an addition."""
        return float((moved * (self.inputs @ moved - 2 * self.rests)).sum())


def moments_of(weight: Matrix, samples: LayerSamples) -> Moments:
    """Return the moments of a layer's samples, their means taken off.

    Args:
        weight: (O, K), the float layer's.
        samples: that it is fitted to.
    """
    inputs, targets = samples.inputs, samples.targets
    centred = inputs - inputs.mean(axis=0, dtype=np.float64).astype(np.float32)
    answers = (targets - targets.mean(axis=0)).astype(np.float32)
    rests = answers - centred @ weight.T.astype(np.float32)
    count = np.float32(len(inputs))
    squares, products = ((centred.T @ other) / count for other in (centred, rests))
    return Moments(squares.astype(np.float64), products.astype(np.float64))


def refitted(weight: Matrix, samples: LayerSamples) -> Matrix:
    """Return weights that answer what the float layer does on the inputs that there are.

    Args:
        weight: (O, K), the float layer's.
        samples: to fit them to.

    Returns:
        (O, K); the same weights where no fit to half of the samples serves the other half.
    """
    middle = len(samples.inputs) // 2
    if not middle or weight.shape[1] > WIDEST:
        return weight
    halves = [
        moments_of(weight, LayerSamples(samples.inputs[part], samples.targets[part]))
        for part in (slice(middle), slice(middle, None))
    ]
    changes = [
        sum(other.change(one.fit(ridge)) for one, other in (halves, halves[::-1]))
        for ridge in RIDGES
    ]
    best = int(np.argmin(changes))
    if changes[best] >= 0:
        return weight
    return weight + moments_of(weight, samples).fit(RIDGES[best]).T
