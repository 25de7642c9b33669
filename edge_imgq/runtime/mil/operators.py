"""The operators of MIL that the evaluator knows, and the function that computes each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from torch import Tensor

from edge_imgq.runtime.mil import (
    activation,
    arithmetic,
    arrangement,
    convolution,
    pooling,
    quantization,
    resize,
)
from edge_imgq.runtime.mil.arguments import Arguments

Operator: TypeAlias = Callable[[Arguments], Tensor | Sequence[Tensor]]

OPERATORS: dict[str, Operator] = {
    "abs": arithmetic.absolute,
    "add": arithmetic.add,
    "avg_pool": pooling.avg_pool,
    "batch_norm": arithmetic.batch_norm,
    "cast": arrangement.identity,
    "clip": activation.clip,
    "concat": arrangement.concat,
    "constexpr_affine_dequantize": quantization.affine_weights,
    "constexpr_blockwise_shift_scale": quantization.blockwise_weights,
    "conv": convolution.conv,
    "conv_transpose": convolution.conv_transpose,
    "crop": arrangement.crop,
    "depth_to_space": arrangement.depth_to_space,
    "dequantize": quantization.dequantize,
    "elu": activation.elu,
    "erf": arithmetic.error_function,
    "exp": arithmetic.exponential,
    "expand_dims": arrangement.expand_dims,
    "floor": arithmetic.floor,
    "gelu": activation.gelu,
    "identity": arrangement.identity,
    "instance_norm": arithmetic.instance_norm,
    "inverse": arithmetic.inverse,
    "leaky_relu": activation.leaky_relu,
    "linear": convolution.linear,
    "matmul": convolution.matmul,
    "max_pool": pooling.max_pool,
    "maximum": arithmetic.maximum,
    "minimum": arithmetic.minimum,
    "mul": arithmetic.mul,
    "pad": arrangement.pad,
    "pixel_shuffle": arrangement.pixel_shuffle,
    "pixel_unshuffle": arrangement.pixel_unshuffle,
    "pow": arithmetic.power,
    "prelu": activation.prelu,
    "quantize": quantization.quantize,
    "real_div": arithmetic.real_div,
    "reduce_mean": arithmetic.reduce_mean,
    "reduce_sum": arithmetic.reduce_sum,
    "relu": activation.relu,
    "relu6": activation.relu6,
    "reshape": arrangement.reshape,
    "resize_bilinear": resize.resize_bilinear,
    "round": arithmetic.rounded,
    "rsqrt": arithmetic.inverse_square_root,
    "sigmoid": activation.sigmoid,
    "sigmoid_hard": activation.sigmoid_hard,
    "silu": activation.silu,
    "slice_by_index": arrangement.slice_by_index,
    "softmax": activation.softmax,
    "softplus": activation.softplus,
    "space_to_depth": arrangement.space_to_depth,
    "split": arrangement.split,
    "sqrt": arithmetic.square_root,
    "square": arithmetic.square,
    "squeeze": arrangement.squeeze,
    "sub": arithmetic.sub,
    "tanh": activation.tanh,
    "tile": arrangement.tile,
    "transpose": arrangement.transpose,
    "upsample_bilinear": resize.upsample_bilinear,
    "upsample_nearest_neighbor": arrangement.upsample_nearest,
}
