"""Padding of sliding windows, which convolutions and pools state in the same way."""

from __future__ import annotations

from collections.abc import Sequence

from edge_imgq.runtime.mil.arguments import Arguments

Pair = tuple[int, int]
"""What is added in front of one axis, and behind it."""


def padding(
    arguments: Arguments, kernel: Sequence[int], strides: list[int], dilations: list[int]
) -> list[Pair]:
    """Return the padding of every spatial axis, from a statement's `pad_type` and `pad`.

    `same` puts the odd element at the end, `same_lower` at the start, as TensorFlow and ONNX do.
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


def outward(pairs: Sequence[Pair]) -> list[int]:
    """Return pairs as torch's pad takes them: last axis first."""
    return [side for pair in reversed(pairs) for side in pair]
