"""Reader of the weights that DPED's authors published.

Their TensorFlow variables are `W1` .. `W12` (height, width, inputs, outputs) and `b1` .. `b12`.
The instance normalisation after each inner convolution has a shift and a scale, which TensorFlow
named `Variable`, `Variable_1`, ... in order of creation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.errors import ModelError
from edge_imgq.models.dped import DPED

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

BLOCKS = 4


def read_dped(path: Path) -> DPED:
    """Build DPED's published network with the authors' weights, exactly, in evaluation mode.

    It is on the CPU, and its weights require no gradients.

    Args:
        path: .npz file of the authors' TensorFlow variables, such as "W1" and "b1", kernels in
            the order (height, width, inputs, outputs).

    Raises:
        ModelError: The file is missing, damaged or holds other variables.
    """
    network = DPED(blocks=BLOCKS)
    try:
        with np.load(path, allow_pickle=False) as file:
            network.load_state_dict(_state(dict(file)))
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"{path} does not hold the weights of DPED: {error}.") from error
    return network.eval().requires_grad_(False)


def _state(variables: dict[str, NDArray[np.float32]]) -> dict[str, Tensor]:
    import torch

    state = {}
    for number, layer in enumerate(_layers(), 1):
        kernel = variables[f"W{number}"].transpose(3, 2, 0, 1)
        state[f"{layer}.weight"] = torch.from_numpy(np.ascontiguousarray(kernel))
        state[f"{layer}.bias"] = torch.from_numpy(variables[f"b{number}"])
    for index, layer in enumerate(_norms()):
        state[f"{layer}.bias"] = torch.from_numpy(variables[_unnamed(2 * index)])
        state[f"{layer}.weight"] = torch.from_numpy(variables[_unnamed(2 * index + 1)])
    return state


def _layers() -> list[str]:
    inner = [f"blocks.{block}.{name}" for block in range(BLOCKS) for name in ("first", "second")]
    return ["first", *inner, "fuse.0", "fuse.2", "last"]


def _norms() -> list[str]:
    names = ("first_norm", "second_norm")
    return [f"blocks.{block}.{name}" for block in range(BLOCKS) for name in names]


def _unnamed(index: int) -> str:
    return f"Variable_{index}" if index else "Variable"
