"""Refit a layer's weights to the float layer's outputs on the quantized layer's inputs.

The inputs x of a layer in the quantized graph differ from those of the float layer: they are
rounded, clipped, and lack pruned channels. With y the outputs of the float layer and H = E[x·xᵀ],
both centred, the weights are fitted before they are rounded:

    W ← W + E[(y − W·x)·xᵀ]·(H + ρ·I)⁻¹.

Rounding leaves mostly noise, and a fit to the noise of some patches does not transfer to others. So
the ridge ρ is chosen per layer by two-fold cross-validation over different patches, with no fit as
an option. In `fsrcnn-x2` this fits the layers whose inputs lost channels, in `deblur-slim` almost
none.

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
"""Candidates for ρ, as shares of the mean of H's diagonal."""

WIDEST = 1024
"""Largest number of inputs of a layer that is fitted; time grows with its cube."""


@dataclass(frozen=True)
class LayerSamples:
    """Inputs and desired outputs of a convolution at sampled output positions, in image order.

    Attributes:
        inputs: float32 (positions, I·K·L), from the quantized layers before it.
        targets: float64 (positions, O), from the float network.
    """

    inputs: NDArray[np.float32]
    targets: Matrix


@dataclass(frozen=True)
class Moments:
    """Second moments of a layer's inputs, and their products with the residuals of its outputs.

    Attributes:
        inputs: H, float64 (K, K).
        rests: float64 (K, O).
    """

    inputs: Matrix
    rests: Matrix

    def fit(self, ridge: float) -> Matrix:
        """Solve for the change of the weights with a ridge, float64 (K, O).

        `ridge` is a share of the mean of H's diagonal.
        """
        held = self.inputs.copy()
        added = ridge * np.trace(held) / len(held) + np.finfo(float).tiny
        held.flat[:: len(held) + 1] += added
        return np.linalg.solve(held, self.rests).astype(np.float64)

    def change(self, moved: Matrix) -> float:
        """Compute the change of the outputs' squared error for a change (K, O) of the weights.

        It is the mean over the positions, summed over the outputs.
        """
        return float((moved * (self.inputs @ moved - 2 * self.rests)).sum())


def moments_of(weight: Matrix, samples: LayerSamples) -> Moments:
    """Compute the centred second moments of a layer's samples.

    They are float64: (K, K) of the inputs, (K, O) of inputs and residuals. Products are summed in
    float32 and divided by the number of samples.

    Args:
        weight: weights of the float layer, (O, K).
        samples: samples of the layer.
    """
    inputs, targets = samples.inputs, samples.targets
    centred = inputs - inputs.mean(axis=0, dtype=np.float64).astype(np.float32)
    answers = (targets - targets.mean(axis=0)).astype(np.float32)
    rests = answers - centred @ weight.T.astype(np.float32)
    count = np.float32(len(inputs))
    squares, products = ((centred.T @ other) / count for other in (centred, rests))
    return Moments(squares.astype(np.float64), products.astype(np.float64))


def refitted(weight: Matrix, samples: LayerSamples) -> Matrix:
    """Fit weights to the float layer's outputs on the given inputs, by ridge regression.

    Args:
        weight: weights of the float layer, (O, K).
        samples: samples of the layer.

    Returns:
        float64 (O, K); the given weights if no fit transfers between the two subsets of samples, or
        if the layer has more than WIDEST inputs.
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
