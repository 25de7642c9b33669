"""Kernel profile of this host's processor."""

from __future__ import annotations

import platform
from pathlib import Path

from edge_imgq.kernels.profile import TimedProfile
from edge_imgq.kernels.x86 import X86, X86_AMX, X86_VNNI

INSTRUCTIONS = Path("/proc/cpuinfo")


def host_profile() -> TimedProfile:
    """Return the timed profile of this processor, from the instruction flags that Linux lists.

    Without flags, and for architectures without a profile, it is x86 with VNNI.
    """
    if platform.machine() not in ("x86_64", "AMD64") or not INSTRUCTIONS.exists():
        return X86_VNNI
    known = set(INSTRUCTIONS.read_text().split())
    if "amx_int8" in known:
        return X86_AMX
    return X86_VNNI if {"avx512_vnni", "avx_vnni"} & known else X86


def estimated_profile() -> TimedProfile:
    """Return the timed profile with which file times are estimated.

    It is that of this host, or x86 with VNNI if the host lacks byte products: the phones for which
    files are written have them.
    """
    profile = host_profile()
    return profile if profile.multiplies_bytes else X86_VNNI
