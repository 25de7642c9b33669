"""What a small error in each channel does to the output image.

With J the derivative of the output image by a value x of the graph, independent errors of variance
σ² in channel c raise the mean squared error of the image by A_c·σ², A_c being the sum of J² over
the positions of c, divided by the number of output values. One backward pass with random signs as
the output's cotangent gives an unbiased estimate of it for all values at once (Hutchinson, "A
Stochastic Estimator of the Trace of the Influence Matrix", 1989).

A rectified value that is zero is stored without error, so such positions do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx_ir as ir
import torch

from edge_imgq.quantize.torch_graph import TorchGraph
from edge_imgq.quantize.torch_operators import NotCoveredError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DRAWS = 2
SEED = 0


@dataclass(frozen=True)
class Sensitivity:
    """Statistics of the channels of one value.

    Attributes:
        error: A, float64 (channels,): squared error of the image per variance of the channel.
        energy: mean square of the channel, float64 (channels,).
    """

    error: NDArray[np.float64]
    energy: NDArray[np.float64]


def measure_sensitivity(
    model: ir.Model, values: Sequence[ir.Value], batch: NDArray[np.float32]
) -> dict[ir.Value, Sensitivity]:
    """Return the statistics of some values (N, C, H, W) of a float graph.

    Args:
        model: float graph.
        values: computed by it.
        batch: network inputs (N, C, H, W).

    Raises:
        NotCoveredError: an operator has no torch form.
    """
    graph = TorchGraph(model)
    traced = graph.trace(torch.from_numpy(batch).requires_grad_(), values)
    image = traced[model.graph.outputs[0]]
    generator = torch.Generator().manual_seed(SEED)
    watched = [traced[value] for value in values]
    errors = [torch.zeros(tensor.shape[1], dtype=torch.float64) for tensor in watched]
    for _ in range(DRAWS):
        signs = torch.randint(0, 2, image.shape, generator=generator) * 2.0 - 1
        slopes = torch.autograd.grad(
            image, watched, signs, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        for total, slope, tensor in zip(errors, slopes, watched, strict=True):
            counted = slope.square() * (tensor != 0)
            total += counted.sum((0, 2, 3), dtype=torch.float64) / image.numel() / DRAWS
    return {
        value: Sensitivity(error.numpy(), tensor.detach().double().square().mean((0, 2, 3)).numpy())
        for value, error, tensor in zip(values, errors, watched, strict=True)
    }


def image_weights(model: ir.Model, batch: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
    """Return what a squared error in each channel does to the image, by the name of the value.

    Values that are no images (N, C, H, W) are left out, and all are where an operator has no torch
    form.

    Args:
        model: float graph.
        batch: network inputs (N, C, H, W).
    """
    values = [v for node in model.graph for v in node.outputs if v.shape and len(v.shape) == 4]
    try:
        found = measure_sensitivity(model, values, batch)
    except NotCoveredError:
        return {}
    return {value.name or "": sensitivity.error for value, sensitivity in found.items()}
