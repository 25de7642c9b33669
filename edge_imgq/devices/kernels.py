"""Which kernel profile the processor of this host has."""

from __future__ import annotations

import platform
from pathlib import Path

from edge_imgq.graph.kernel_profile import X86, X86_AMX, X86_VNNI, KernelProfile

INSTRUCTIONS = Path("/proc/cpuinfo")


def host_profile() -> KernelProfile:
    """Return the profile of this processor, by the instructions that Linux lists.

    Where none are listed, and for families without a profile of their own, x86 with VNNI stands in.
    """
    if platform.machine() not in ("x86_64", "AMD64") or not INSTRUCTIONS.exists():
        return X86_VNNI
    known = set(INSTRUCTIONS.read_text().split())
    if "amx_int8" in known:
        return X86_AMX
    return X86_VNNI if {"avx512_vnni", "avx_vnni"} & known else X86


def estimated_profile() -> KernelProfile:
    """Return the profile that times of files are estimated by.

    That of this host, or of x86 with VNNI where the host multiplies no bytes: files are for phones,
    which do.
    """
    profile = host_profile()
    return profile if profile.multiplies_bytes else X86_VNNI
