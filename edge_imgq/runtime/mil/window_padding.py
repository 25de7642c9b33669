"""Padding of sliding windows, for convolution and pooling."""

from __future__ import annotations

from collections.abc import Sequence

from edge_imgq.runtime.mil.arguments import Arguments

Pair = tuple[int, int]
"""Elements added before and after one axis."""


def padding(
    arguments: Arguments, kernel: Sequence[int], strides: list[int], dilations: list[int]
) -> list[Pair]:
    """Return the (before, after) padding of every spatial axis, from `pad_type` and `pad`.

    `valid`, the default, pads nothing. `custom` pads as the flat list of pairs in `pad` says.
    `same` makes the output ceil(size / stride) long, with an odd element at the end, `same_lower`
    at the start, as in TensorFlow and ONNX; it depends on the size of `x`.

    Args:
        arguments: arguments of the convolution or pooling; its `x` is (N, C, spatial axes …).
        kernel: elements of the window along each spatial axis.
        strides: stride along each axis.
        dilations: dilation along each axis; 1 for pooling.
    """
    kind = arguments.text("pad_type", "valid")
    if kind == "custom":
        flat = arguments.ints("pad", [0] * 2 * len(kernel))
        return list(zip(flat[::2], flat[1::2], strict=True))
    if kind == "valid":
        return [(0, 0)] * len(kernel)
    pairs = []
    sizes = arguments.raw("x").shape[2:]
    for size, taps, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        covered = (-(-size // stride) - 1) * stride + (taps - 1) * dilation + 1
        total = max(covered - size, 0)
        small, large = total // 2, total - total // 2
        pairs.append((small, large) if kind == "same" else (large, small))
    return pairs


def torch_padding(pairs: Sequence[Pair]) -> list[int]:
    """Flatten (before, after) pairs to the order of torch's `pad`: last axis first."""
    return [side for pair in reversed(pairs) for side in pair]
