"""Tensors of a network in TensorFlow that know which ONNX axes they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

CHANNELS_LAST = (0, 2, 3, 1)


@dataclass(frozen=True)
class Value:
    """A tensor whose axis i holds the ONNX axis `order[i]`; constants are in ONNX's own order."""

    tensor: Any
    order: tuple[int, ...]

    @property
    def is_constant(self) -> bool:
        """Whether it is a numpy array."""
        return isinstance(self.tensor, np.ndarray)

    def at(self, axis: int) -> int:
        """Return where an ONNX axis lies; negative axes count from the end."""
        return self.order.index(axis % len(self.order))

    def ordered(self, order: Sequence[int]) -> Any:
        """Return the tensor in another order of axes."""
        if self.order == tuple(order):
            return self.tensor
        permutation = [self.order.index(axis) for axis in order]
        if self.is_constant:
            return self.tensor.transpose(permutation)
        shape = [int(self.tensor.shape[axis]) for axis in permutation]
        if sum(length > 1 for length in shape) <= 1:  # moves nothing
            return tf.reshape(self.tensor, shape)
        return tf.transpose(self.tensor, permutation)

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape in ONNX's order."""
        return tuple(int(self.tensor.shape[self.order.index(axis)]) for axis in range(self.rank))

    @property
    def rank(self) -> int:
        """Return the number of axes."""
        return len(self.order)


def plain(tensor: Any) -> Value:
    """Return a tensor in ONNX's own order of axes."""
    return Value(tensor, tuple(range(len(tensor.shape))))
