"""Padding of sliding windows, which convolutions and pools state in the same way."""

from __future__ import annotations

from collections.abc import Sequence

from edge_imgq.runtime.mil.arguments import Arguments


def padding(
    arguments: Arguments, kernel: Sequence[int], strides: list[int], dilations: list[int]
) -> tuple[int, int, int, int]:
    """Return (top, bottom, left, right) of a statement's `pad_type` and `pad`.

    `same` puts the odd element at the end, `same_lower` at the start, as TensorFlow and ONNX do.
    """
    kind = arguments.text("pad_type", "valid")
    if kind == "custom":
        top, bottom, left, right = arguments.ints("pad", [0, 0, 0, 0])
        return top, bottom, left, right
    if kind == "valid":
        return 0, 0, 0, 0
    sizes = arguments.raw("x").shape[2:]
    both = []
    for size, taps, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        covered = (-(-size // stride) - 1) * stride + (taps - 1) * dilation + 1
        total = max(covered - size, 0)
        small, large = total // 2, total - total // 2
        both += [small, large] if kind == "same" else [large, small]
    return both[0], both[1], both[2], both[3]
