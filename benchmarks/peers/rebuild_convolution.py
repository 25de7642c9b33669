"""Convolutions of an ONNX network in TensorFlow operations, and the shuffles behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from rebuild_value import CHANNELS_LAST, Value


def shuffle_order(channels: int, block: int) -> Any:
    """Return, for each channel of a depth-to-space in DCR order, the channel in CRD order."""
    inner = channels // block**2
    return np.arange(channels).reshape(inner, block**2).T.reshape(-1)


def same_pads(sizes: Sequence[int], kernel: Sequence[int], strides: Sequence[int]) -> list[int]:
    """Return the padding (top, left, bottom, right) that TensorFlow calls SAME."""
    totals = [
        max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(sizes, kernel, strides, strict=True)
    ]
    return [t // 2 for t in totals] + [t - t // 2 for t in totals]


def convolution(operands: list[Any], options: dict[str, Any]) -> Value:
    """Conv; a kernel is (K, L, I, O), or (K, L, C, 1) where every channel has its own."""
    image, weight = operands[0].ordered(CHANNELS_LAST), operands[1].tensor
    bias = operands[2].tensor if len(operands) > 2 and operands[2] else None
    if "shuffle" in options:
        order = shuffle_order(weight.shape[0], options["shuffle"])
        weight, bias = weight[order], None if bias is None else bias[order]
    strides = list(options.get("strides", (1, 1)))
    dilations = list(options.get("dilations", (1, 1)))
    kernel = [(k - 1) * d + 1 for k, d in zip(weight.shape[2:], dilations, strict=True)]
    pads = list(options.get("pads", (0, 0, 0, 0)))
    padding = "SAME" if pads == same_pads(image.shape[1:3], kernel, strides) else "VALID"
    if padding == "VALID" and any(pads):
        image = tf.pad(image, [(0, 0), (pads[0], pads[2]), (pads[1], pads[3]), (0, 0)])
    group = options.get("group", 1)
    if group > 1 and group == image.shape[3] == weight.shape[0]:
        kernel_ = weight.transpose(2, 3, 0, 1)
        result = tf.nn.depthwise_conv2d(
            image, kernel_, [1, *strides, 1], padding, dilations=dilations
        )
    else:
        kernel_ = weight.transpose(2, 3, 1, 0)
        result = tf.nn.conv2d(image, kernel_, strides, padding, dilations=dilations)
    return Value(result if bias is None else tf.nn.bias_add(result, bias), CHANNELS_LAST)


def transposed_convolution(operands: list[Any], options: dict[str, Any]) -> Value:
    """ConvTranspose: SAME where that is equal, else all of it and a slice."""
    image, weight = operands[0].ordered(CHANNELS_LAST), operands[1].tensor
    if options.get("group", 1) != 1 or set(options.get("dilations", (1, 1))) != {1}:
        raise NotImplementedError("the rebuild in TensorFlow has no grouped ConvTranspose")
    strides, kernel = list(options["strides"]), weight.shape[2:]
    pads = list(options.get("pads", (0, 0, 0, 0)))
    extra = list(options.get("output_padding", (0, 0)))
    full = [(n - 1) * s + k for n, s, k in zip(image.shape[1:3], strides, kernel, strict=True)]
    wanted = [full[i] + extra[i] - pads[i] - pads[i + 2] for i in (0, 1)]
    kernel_ = weight.transpose(2, 3, 1, 0)
    is_same = (
        wanted == [n * s for n, s in zip(image.shape[1:3], strides, strict=True)]
        and pads[:2] == same_pads(wanted, kernel, strides)[:2]
    )
    size = (
        wanted if is_same else [max(f, w + p) for f, w, p in zip(full, wanted, pads, strict=False)]
    )
    result = tf.nn.conv2d_transpose(
        image, kernel_, [1, *size, weight.shape[1]], strides, "SAME" if is_same else "VALID"
    )
    if not is_same:
        result = result[:, pads[0] : pads[0] + wanted[0], pads[1] : pads[1] + wanted[1], :]
    biased = result if len(operands) < 3 else tf.nn.bias_add(result, operands[2].tensor)
    return Value(biased, CHANNELS_LAST)


def pixel_shuffle(operands: list[Any], options: dict[str, Any]) -> Value:
    """DepthToSpace; channels in CRD order are gathered unless the convolution before did it."""
    image, block = operands[0].ordered(CHANNELS_LAST), options["blocksize"]
    if options.get("mode", b"DCR") == b"CRD" and not options["is_permuted"]:
        image = tf.gather(image, shuffle_order(image.shape[3], block), axis=3)
    return Value(tf.nn.depth_to_space(image, block), CHANNELS_LAST)
