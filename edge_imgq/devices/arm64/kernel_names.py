"""Which operator of a .tflite file each kernel that ran belongs to.

Operators run in the file's order, most in one kernel each. XNNPACK takes a PAD into the convolution
behind it, leaves out what moves nothing, runs the activation that is fused to an ADD as a kernel of
its own, and copies each input of a CONCATENATION by itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

ELSEWHERE = "the C library"
"""In place of a kernel's name where most instructions are of no function of LiteRT's."""

LEFT_OUT = frozenset({"PAD", "RESHAPE", "SQUEEZE", "EXPAND_DIMS"})
IN_PARTS = frozenset({"CONCATENATION", "SPLIT", "UNPACK", "PACK"})
CLAMPED = frozenset({"RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "MINIMUM", "MAXIMUM"})

PRODUCT = re.compile(r"gemm_|_dwconv|_spmm_|_conv_hwc")
CLAMP, CLAMPING = "_vclamp_", ": clamp"
ARITHMETIC = {"ADD": "_vadd", "SUB": r"_v(r?)sub", "MUL": "_vmul", "PRELU": "_vprelu"}
"""The file's word for an operator → what the names of its kernels hold."""


def names_of_kernels(names: Sequence[str], kernels: Sequence[str]) -> list[str]:
    """Return the file's name for what each kernel runs; empty where they cannot be matched.

    Args:
        names: of the file's operators.
        kernels: of the operators that ran.
    """
    steps = _steps(names, kernels)
    found: list[str] = []
    name = kernel = 0
    while step := steps.get((name, kernel)):
        if step == "whole":
            found.append(names[name])
        if step == "part":
            found.append(names[name - 1] + CLAMPING * (CLAMP in kernels[kernel]))
        name, kernel = name + (step != "part"), kernel + (step != "absent")
    return found if (name, kernel) == (len(names), len(kernels)) else []


def _steps(names: Sequence[str], kernels: Sequence[str]) -> dict[tuple[int, int], str]:
    """Return a step from each pair of places that leads to both ends; none where nothing does."""
    steps: dict[tuple[int, int], str] = {}
    ends = {(len(names), len(kernels))}
    for name in range(len(names), -1, -1):
        for kernel in range(len(kernels), -1, -1):
            step = _step(names, kernels, name, kernel, ends)
            if step:
                steps[name, kernel] = step
                ends.add((name, kernel))
    return steps


def _step(
    names: Sequence[str],
    kernels: Sequence[str],
    name: int,
    kernel: int,
    ends: set[tuple[int, int]],
) -> str:
    """Return how a pair of places goes on: "whole", "part", "absent", or empty for not at all."""
    if kernel < len(kernels):
        ran = kernels[kernel]
        if (name + 1, kernel + 1) in ends and _agrees(names[name], ran):
            return "whole"
        more = name and (CLAMP in ran or _kind(names[name - 1]) in IN_PARTS)
        if more and (name, kernel + 1) in ends:
            return "part"
    if name < len(names) and (name + 1, kernel) in ends and _kind(names[name]) in LEFT_OUT:
        return "absent"
    return ""


def _agrees(name: str, kernel: str) -> bool:
    """Tell whether a kernel may be of an operator of the file."""
    kind = _kind(name)
    multiplies = "CONV" in kind or kind in ("FULLY_CONNECTED", "BATCH_MATMUL")
    if kernel == ELSEWHERE:
        return not multiplies and kind not in ARITHMETIC
    if not kernel.startswith("xnn_"):
        return True  # LiteRT has kernels of its own for all
    if kind in ARITHMETIC:
        return re.search(ARITHMETIC[kind], kernel) is not None
    if CLAMP in kernel:
        return kind in CLAMPED
    return multiplies == (PRODUCT.search(kernel) is not None)


def _kind(name: str) -> str:
    return name.split()[0]
