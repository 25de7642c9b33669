"""What rounding to 8 bits will do to a network, felt while it learns.

An int8 graph stores every intermediate tensor in 256 steps between its smallest and its largest
value, so one rare large value makes all others coarse. The error of such a step is nearly uniform,
of the width of the step and independent of the value (Widrow, IRE Trans. Circuit Theory, 1956).
Added here as noise,

    stored(x) = x + strength * (max x - min x) / 255 * u,    u uniform in [-1/2, 1/2),

it costs the loss what rounding will cost, tensor by tensor as the output feels it, and the gradient
through max x and min x draws the extremes in. (Uniform noise stands for rounding in Baskin et al.,
"UNIQ", ACM TOCS 2021; extremes are punished without noise in Shkolnik et al., "Robust
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

STEPS = 255
"""Of an 8-bit range."""

RECTIFIERS = frozenset({"relu", "relu_", "prelu", "leaky_relu", "clamp", "clip"})
"""Functions that an int8 graph computes before it stores what they read."""

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
    """While it is active, a network computes with noise of the size of int8's rounding.

    Each result is stored once, when something but a rectifier first reads it; all readers see the
    same noise. What is never read, the network's output, stays exact: an app rounds it, and so
    does the truth. The ranges are those of the batch. For one forward pass; values and gradients
    of what ran outside are untouched.

    Args:
        strength: width of the noise in steps of int8. Above 1 it makes the loss feel, `strength`
            squared times over, what is small beside the error that the network leaves.
        generator: of the noise.
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
        """Compute one function on what an int8 graph would have stored of its arguments."""
        del types
        name = getattr(func, "__name__", "").strip("_")
        if name not in RECTIFIERS:
            args = tree_map_only(Tensor, self._stored, args)
        result = func(*args, **(kwargs or {}))
        if name in COMPUTED:
            self._computed[id(result)] = (result, None)
        return result

    def _stored(self, tensor: Tensor) -> Tensor:
        """Return what readers see of a tensor: one that was not computed here as it is."""
        found = self._computed.get(id(tensor))
        if found is None:
            return tensor
        computed, stored = found
        if stored is None:
            stored = self._with_noise(computed)
            self._computed[id(tensor)] = (computed, stored)
        return stored

    def _with_noise(self, tensor: Tensor) -> Tensor:
        noise = torch.rand(tensor.shape, generator=self._generator, device=tensor.device)
        smallest, largest = torch.aminmax(tensor)
        step = (largest - smallest).float() * (self._strength / STEPS)
        return tensor + (step * (noise - 0.5)).to(tensor.dtype)
