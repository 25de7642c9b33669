"""Adam through torch's functional interface, without importing torch's compiler.

Importing `torch.optim.Adam` loads the compiler, which takes a second and leaves a folder among the
temporary files.

Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam

EPS = 1e-8


@dataclass
class Adam:
    """Adam optimizer that updates tensors in place from given gradients.

    Attributes:
        values: tensors to optimize.
        betas: decay rates of the moving averages of the gradient and of its square.
    """

    values: Sequence[Tensor]
    betas: tuple[float, float] = (0.9, 0.999)
    _slopes: list[Tensor] = field(init=False)
    _squares: list[Tensor] = field(init=False)
    _steps: list[Tensor] = field(init=False)

    def __post_init__(self) -> None:
        """Initialize the moving averages with zeros."""
        self._slopes = [torch.zeros_like(value, requires_grad=False) for value in self.values]
        self._squares = [torch.zeros_like(value, requires_grad=False) for value in self.values]
        self._steps = [torch.tensor(0.0) for _ in self.values]

    @torch.no_grad()
    def step(self, slopes: Sequence[Tensor], rate: float) -> None:
        """Update the values in place by one Adam step with learning rate `rate`.

        `slopes` holds one gradient per value, of its shape, in the order of the values.
        """
        adam(
            list(self.values),
            list(slopes),
            self._slopes,
            self._squares,
            [],
            self._steps,
            foreach=False,
            amsgrad=False,
            beta1=self.betas[0],
            beta2=self.betas[1],
            lr=rate,
            weight_decay=0.0,
            eps=EPS,
            maximize=False,
        )

    def state(self) -> dict[str, Any]:
        """Return the moving averages and step counts, for `load`; the tensors are not copied."""
        return {"slopes": self._slopes, "squares": self._squares, "steps": self._steps}

    def load(self, state: dict[str, Any]) -> None:
        """Restore the moving averages and step counts from `state`.

        They are not copied: later steps change them.
        """
        self._slopes, self._squares = state["slopes"], state["squares"]
        self._steps = state["steps"]
