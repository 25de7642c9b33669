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

    I is the number of input channels, O of output channels, and the kernel has K × L taps.

    Attributes:
        inputs: float32 (positions, I·K·L), from the quantized layers before it.
        targets: float64 (positions, O), from the float network.
    """

    inputs: NDArray[np.float32]
    targets: Matrix


@dataclass(frozen=True)
class Moments:
    """Second moments of a layer's inputs, and their products with the residuals of its outputs.

    Both are means over the sampled positions, of values without their means.

    Attributes:
        inputs: H, the mean of x·xᵀ over the K inputs, float64 (K, K).
        products: mean of x·(y − W·x)ᵀ over the O outputs, float64 (K, O).
    """

    inputs: Matrix
    products: Matrix

    def fit(self, ridge: float) -> Matrix:
        """Return the transposed change of the weights by ridge regression, float64 (K, O).

        It solves (H + ρ·I)·Δ = products, H being the moments of the K inputs of an output.

        Args:
            ridge: ρ as a share of the mean of H's diagonal, positive.
        """
        damped = self.inputs.copy()
        added = ridge * np.trace(damped) / len(damped) + np.finfo(float).tiny
        damped.flat[:: len(damped) + 1] += added
        return np.linalg.solve(damped, self.products).astype(np.float64)

    def change(self, moved: Matrix) -> float:
        """Return the change of the outputs' squared error for a change of the weights.

        It is the mean over the positions, summed over the outputs, in squared units of the outputs;
        negative if the error decreases.

        Args:
            moved: change of the weights, transposed, float64 (K, O).
        """
        return float((moved * (self.inputs @ moved - 2 * self.products)).sum())


def moments_of(weight: Matrix, samples: LayerSamples) -> Moments:
    """Compute the second moments of a layer's samples, each less its mean over the positions.

    Products are summed in float32 and divided by the number of samples.

    Args:
        weight: weights of the float layer, float64 (O, K), K inputs per output.
        samples: samples of the layer, at least one.

    Returns:
        float64: (K, K) of the inputs, and (K, O) of inputs and residuals.
    """
    inputs, targets = samples.inputs, samples.targets
    centred = inputs - inputs.mean(axis=0, dtype=np.float64).astype(np.float32)
    desired = (targets - targets.mean(axis=0)).astype(np.float32)
    residuals = desired - centred @ weight.T.astype(np.float32)
    count = np.float32(len(inputs))
    squares, products = ((centred.T @ other) / count for other in (centred, residuals))
    return Moments(squares.astype(np.float64), products.astype(np.float64))


def refitted(weight: Matrix, samples: LayerSamples) -> Matrix:
    """Fit weights to the float layer's outputs on the given inputs, by ridge regression.

    The ridge is chosen by how well a fit to one half of the samples serves the other.

    Args:
        weight: weights of the float layer, float64 (O, K), K inputs per output.
        samples: samples of the layer.

    Returns:
        float64 (O, K), not rounded. The given weights if no ridge lowers the error on the other
        half, if there are fewer than two samples, or if K exceeds 1024.
    """
    middle = len(samples.inputs) // 2
    if not middle or weight.shape[1] > WIDEST:
        return weight
    subsets = [
        moments_of(weight, LayerSamples(samples.inputs[rows], samples.targets[rows]))
        for rows in (slice(middle), slice(middle, None))
    ]
    changes = [
        sum(other.change(one.fit(ridge)) for one, other in (subsets, subsets[::-1]))
        for ridge in RIDGES
    ]
    best = int(np.argmin(changes))
    if changes[best] >= 0:
        return weight
    return weight + moments_of(weight, samples).fit(RIDGES[best]).T
