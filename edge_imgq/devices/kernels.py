"""Which kernel profile the processor of this host has."""

from __future__ import annotations

import platform
from pathlib import Path

from edge_imgq.kernels.profile import TimedProfile
from edge_imgq.kernels.x86 import X86, X86_AMX, X86_VNNI

INSTRUCTIONS = Path("/proc/cpuinfo")


def host_profile() -> TimedProfile:
    """Return the profile of this processor, by the instructions that Linux lists.

    Where none are listed, and for families without a profile of their own, x86 with VNNI stands in.
    """
    if platform.machine() not in ("x86_64", "AMD64") or not INSTRUCTIONS.exists():
        return X86_VNNI
    known = set(INSTRUCTIONS.read_text().split())
    if "amx_int8" in known:
        return X86_AMX
    return X86_VNNI if {"avx512_vnni", "avx_vnni"} & known else X86


def estimated_profile() -> TimedProfile:
    """Return the profile that times of files are estimated by.

    That of this host, or of x86 with VNNI where the host multiplies no bytes: files are for phones,
    which do.
    """
    profile = host_profile()
    return profile if profile.multiplies_bytes else X86_VNNI
