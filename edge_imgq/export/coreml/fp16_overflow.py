"""Convolutions whose results are far beyond the levels that are kept of them.

What a clipping cuts off may lie hundreds of times above it. Counted in the steps of what is left,
it would be infinite in float16; counted in a power of two of these steps it fits, and costs no bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.export.coreml.integer_units import LIMITS, real, scale_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.graph.network import Operation, Tensor

MAX_RESULT = 6e4
"""No unit may make numbers larger than this, which float16 just holds."""


def fitting_factor(operation: Operation) -> float:
    """Return the power of two by which a convolution's unit must grow to fit float16.

    The unit is the real value of 1; its default is the scale of the result. The bound, 6e4 units,
    holds for the worst of all images. 1.0 if the result fits; also 1.0 for any operation but a Conv
    with constant weights between quantized tensors.

    Raises:
        ModelError: an activation is not int8 with one scale.
    """
    tensors = [tensor for tensor in operation.inputs if tensor is not None]
    integers = (*tensors[:1], *operation.outputs[:1])
    if operation.kind != "Conv" or any(tensor.quantization is None for tensor in integers):
        return 1.0
    if any(tensor.data is None for tensor in tensors[1:]):
        return 1.0
    image, kernel, *bias = tensors
    reach = _reach(image, real(kernel), real(bias[0]) if bias else np.float64(0.0))
    excess = reach / scale_of(operation.outputs[0]) / MAX_RESULT
    return float(2.0 ** np.ceil(np.log2(excess))) if excess > 1.0 else 1.0


def _reach(
    image: Tensor, weights: NDArray[np.float64], bias: NDArray[np.float64] | np.float64
) -> float:
    """Return the largest absolute value that some image would give."""
    assert image.quantization is not None
    zero = int(image.quantization.zero_point[0])
    low, high = ((limit - zero) * scale_of(image) for limit in LIMITS["int8"])
    rows = weights.reshape(len(weights), -1)
    above, below = rows.clip(0.0).sum(axis=1), rows.clip(None, 0.0).sum(axis=1)
    ends = [above * high + below * low + bias, above * low + below * high + bias]
    return float(np.abs(ends).max())
