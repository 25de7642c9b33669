"""An intermediate tensor of a file."""

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
        name: name of the tensor in the file.
        operator: kind of the operator, e.g. "CONV_2D".
        values: float32 NHWC, dequantized.
        scale: real value of one level of an integer tensor; 0 for a float one.
    """

    name: str
    operator: str
    values: NDArray[np.float32]
    scale: float
