"""Matches the kernels that ran to the operators of a .tflite file.

Operators run in file order, most in one kernel each. XNNPACK merges a PAD into the convolution
after it, skips operators that move nothing, runs the activation fused to an ADD in a separate
kernel, and copies each input of a CONCATENATION separately.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

ELSEWHERE = "the C library"
"""Kernel name where most instructions belong to no function of LiteRT."""

LEFT_OUT = frozenset({"PAD", "RESHAPE", "SQUEEZE", "EXPAND_DIMS"})
SEVERAL_KERNELS = frozenset({"CONCATENATION", "SPLIT", "UNPACK", "PACK"})
CLAMPED = frozenset({"RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "MINIMUM", "MAXIMUM"})

PRODUCT = re.compile(r"gemm_|_dwconv|_spmm_|_conv_hwc")
CLAMP, CLAMPING = "_vclamp_", ": clamp"
ARITHMETIC = {"ADD": "_vadd", "SUB": r"_v(r?)sub", "MUL": "_vmul", "PRELU": "_vprelu"}
"""Pattern of kernel names, by TFLite operator."""


def names_of_kernels(names: Sequence[str], kernels: Sequence[str]) -> list[str]:
    """Match kernels that ran to the operators of a file; return the operator's name per kernel.

    A clamp of its own after an operator gets that name with ": clamp". [] if the two sequences
    cannot be matched as a whole.

    Args:
        names: operators of the file, in order, each beginning with its TFLite type.
        kernels: symbols of the kernels that ran, in order.
    """
    matches = _matches(names, kernels)
    matched: list[str] = []
    name = kernel = 0
    while match := matches.get((name, kernel)):
        if match == "whole":
            matched.append(names[name])
        if match == "part":
            matched.append(names[name - 1] + CLAMPING * (CLAMP in kernels[kernel]))
        name, kernel = name + (match != "part"), kernel + (match != "absent")
    return matched if (name, kernel) == (len(names), len(kernels)) else []


def _matches(names: Sequence[str], kernels: Sequence[str]) -> dict[tuple[int, int], str]:
    """Return one match for each pair of positions from which the rest can be matched."""
    matches: dict[tuple[int, int], str] = {}
    ends = {(len(names), len(kernels))}
    for name in range(len(names), -1, -1):
        for kernel in range(len(kernels), -1, -1):
            match = _match(names, kernels, name, kernel, ends)
            if match:
                matches[name, kernel] = match
                ends.add((name, kernel))
    return matches


def _match(
    names: Sequence[str],
    kernels: Sequence[str],
    name: int,
    kernel: int,
    ends: set[tuple[int, int]],
) -> str:
    """Return the match at a pair of positions: "whole", "part" or "absent", or "" for none."""
    if kernel < len(kernels):
        ran = kernels[kernel]
        if (name + 1, kernel + 1) in ends and _agrees(names[name], ran):
            return "whole"
        more = name and (CLAMP in ran or _kind(names[name - 1]) in SEVERAL_KERNELS)
        if more and (name, kernel + 1) in ends:
            return "part"
    if name < len(names) and (name + 1, kernel) in ends and _kind(names[name]) in LEFT_OUT:
        return "absent"
    return ""


def _agrees(name: str, kernel: str) -> bool:
    """Return True if a kernel can belong to an operator of the file."""
    kind = _kind(name)
    multiplies = "CONV" in kind or kind in ("FULLY_CONNECTED", "BATCH_MATMUL")
    if kernel == ELSEWHERE:
        return not multiplies and kind not in ARITHMETIC
    if not kernel.startswith("xnn_"):
        return True  # LiteRT has own kernels for every operator
    if kind in ARITHMETIC:
        return re.search(ARITHMETIC[kind], kernel) is not None
    if CLAMP in kernel:
        return kind in CLAMPED
    return multiplies == (PRODUCT.search(kernel) is not None)


def _kind(name: str) -> str:
    return name.split()[0]
