"""Kernel profile of this host's processor."""

from __future__ import annotations

import platform
from pathlib import Path

from edge_imgq.kernels.profile import TimedProfile
from edge_imgq.kernels.x86 import X86, X86_AMX, X86_VNNI

INSTRUCTIONS = Path("/proc/cpuinfo")


def host_profile() -> TimedProfile:
    """Return the kernel profile, with measured times, of this host's processor.

    On x86-64 Linux it is chosen by the flags in /proc/cpuinfo: AMX, VNNI, or neither. On other
    systems and architectures it is that of x86 with VNNI.
    """
    if platform.machine() not in ("x86_64", "AMD64") or not INSTRUCTIONS.exists():
        return X86_VNNI
    known = set(INSTRUCTIONS.read_text().split())
    if "amx_int8" in known:
        return X86_AMX
    return X86_VNNI if {"avx512_vnni", "avx_vnni"} & known else X86


def estimated_profile() -> TimedProfile:
    """Return the kernel profile with which times of files are estimated.

    It is that of this host, or x86 with VNNI if the host has no instruction that multiplies bytes:
    the phones for which files are written have one.
    """
    profile = host_profile()
    return profile if profile.multiplies_bytes else X86_VNNI
