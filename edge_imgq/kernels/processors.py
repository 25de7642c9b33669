"""Kernel profiles by name, and the profile for each processor that a recipe can name."""

from __future__ import annotations

from collections.abc import Mapping

from edge_imgq.kernels.arm import ARM_DOT, ARM_I8MM
from edge_imgq.kernels.profile import KernelProfile
from edge_imgq.kernels.x86 import X86, X86_AMX, X86_VNNI

PROFILES: Mapping[str, KernelProfile] = {
    "x86": X86,
    "x86-vnni": X86_VNNI,
    "x86-amx": X86_AMX,
    "arm-dot": ARM_DOT,
    "arm-i8mm": ARM_I8MM,
}

OF_PROCESSOR: Mapping[str, KernelProfile] = {
    "cpu": PROFILES["arm-dot"],
    "cpu:arm": PROFILES["arm-dot"],
    "cpu:x86": PROFILES["x86-vnni"],
    "gpu": PROFILES["x86-vnni"],
}
"""By the `processor` of an export recipe; plain "cpu" means a phone. Files for GPUs do not depend
on the profile."""

DEFAULT = OF_PROCESSOR["cpu"]
"""Profile of graphs prepared without a recipe's processor."""
