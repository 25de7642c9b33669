"""Quantization noise in training, as a model of int8 rounding.

An int8 graph stores every intermediate tensor at 256 levels between its minimum and maximum, so one
rare large value coarsens all others. The rounding error is nearly uniform over one level and
independent of the value (Widrow, IRE Trans. Circuit Theory, 1956). Added here as noise,

    stored(x) = x + strength * (max x - min x) / 255 * u,    u uniform in [-1/2, 1/2),

it adds to the loss the cost of rounding, weighted per tensor by its effect on the output, and the
gradient through max x and min x shrinks the extremes. (Uniform noise models rounding in Baskin et
al., "UNIQ", ACM TOCS 2021; extremes are penalised without noise in Shkolnik et al., "Robust
Quantization: One Model to Rule Them All", NeurIPS 2020, and Kundu et al., "Range Loss", 2023.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map_only

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_LEVEL = 255
"""Largest level of an 8-bit range, from 0."""

RECTIFIERS = frozenset({"relu", "relu_", "prelu", "leaky_relu", "clamp", "clip"})
"""Functions that an int8 graph fuses before it stores their input."""

COMPUTED = RECTIFIERS | {
    "conv2d",
    "conv_transpose2d",
    "linear",
    "add",
    "sub",
    "rsub",
    "mul",
    "div",
    "true_divide",
    "mean",
    "avg_pool2d",
    "interpolate",
    "instance_norm",
    "tanh",
    "sigmoid",
}
"""Functions whose result is stored; all others (shuffles, slices, ...) only move values."""


class Int8Noise(TorchFunctionMode):
    """Context in which a network is computed with noise of the size of int8 rounding.

    Each result is stored once, when a function other than a rectifier first reads it; all readers
    see the same noise. The network's output, which no function reads, stays exact: apps round it,
    and the ground truth is rounded too. Ranges are those of the batch. Use one context per forward
    pass; values and gradients of functions outside are unaffected.

    Args:
        strength: Noise width in int8 levels. Above 1 it weights the rounding error, which is small
            beside the error of the network, by `strength` squared.
        generator: Random generator of the noise.
    """

    def __init__(self, strength: float, generator: torch.Generator) -> None:
        super().__init__()
        self._strength, self._generator = strength, generator
        # By identity, and with the tensor, whose identity nothing else has as long as it lives.
        self._computed: dict[int, tuple[Tensor, Tensor | None]] = {}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Compute one function on the noisy values of its arguments."""
        del types
        name = getattr(func, "__name__", "").strip("_")
        if name not in RECTIFIERS:
            args = tree_map_only(Tensor, self._stored, args)
        result = func(*args, **(kwargs or {}))
        if name in COMPUTED:
            self._computed[id(result)] = (result, None)
        return result

    def _stored(self, tensor: Tensor) -> Tensor:
        """Return the noisy value of a tensor, or a tensor from outside the context unchanged."""
        entry = self._computed.get(id(tensor))
        if entry is None:
            return tensor
        computed, stored = entry
        if stored is None:
            stored = self._with_noise(computed)
            self._computed[id(tensor)] = (computed, stored)
        return stored

    def _with_noise(self, tensor: Tensor) -> Tensor:
        noise = torch.rand(tensor.shape, generator=self._generator, device=tensor.device)
        smallest, largest = torch.aminmax(tensor)
        width = (largest - smallest).float() * (self._strength / MAX_LEVEL)
        return tensor + (width * (noise - 0.5)).to(tensor.dtype)
