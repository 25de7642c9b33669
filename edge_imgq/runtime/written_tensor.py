"""A tensor that a file computes on its way to the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class WrittenTensor:
    """A tensor that an operator writes.

    Attributes:
        name: of the tensor, as the file has it.
        operator: kind of the operator that writes it, such as "CONV_2D".
        values: float32, of four axes NHWC.
        step: the scale of an integer tensor; 0 for a float one.
    """

    name: str
    operator: str
    values: NDArray[np.float32]
    step: float
