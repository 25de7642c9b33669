"""Kernel profiles of 64-bit Arm processors, as phones have them.

Tiles are those of the kernels that LiteRT 2.0.3 took in an emulated Cortex-A76 and X2, by name:
"4x16c4__neondot", "4x16c8__neoni8mm", and "6x8" with "4x2" for few outputs in float. What follows
from instructions was estimated with llvm-mca 22 (Neoverse N1's tables for the A76), FSRCNN at
180×320 and VDSR-slim at 120×160; caches and memory are not in it:

    a product in the narrow float tile takes 2.7 times as long as one in the wide one: 4 outputs at
    5×5 in 134 million cycles, in blocks of 16 in 70; a 1×1 from 56 to 12 in 12.9 instead of 6.5
    a minimal filter moves 17.5 kB more for each pixel of 11 layers of 32 channels; at 0.75 cycles a
    byte, by which published times exceed the estimates, and 0.15 cycles a slot, that is `far`

Sums stay near where half an image takes a quarter of the second cache: 512 kB in a Cortex-A76, 1 MB
in an X2. What is not named here is taken over from x86 and was not measured.
"""

from __future__ import annotations

from dataclasses import replace

from edge_imgq.kernels.profile import KernelProfile
from edge_imgq.kernels.tile import NarrowTile, Tile
from edge_imgq.kernels.x86 import HALVES, X86_VNNI

ARM_DOT = KernelProfile(
    name="Arm with dot product",
    int8=Tile(outputs=16, inputs=4),
    float32=Tile(outputs=8, narrow=NarrowTile(outputs=2, cost=2.7)),
    position=X86_VNNI.position,
    copy=X86_VNNI.copy,
    halves=replace(HALVES, far=145, near_numbers=32_000),
    activations=X86_VNNI.activations,
    depthwise_taps=X86_VNNI.depthwise_taps,
    no_integer_kernel=X86_VNNI.no_integer_kernel,
    tabled=X86_VNNI.tabled,
    multiplies_bytes=True,
)

ARM_I8MM = replace(
    ARM_DOT,
    name="Arm with i8mm",
    int8=Tile(outputs=16, inputs=8),
    halves=replace(ARM_DOT.halves, near_numbers=64_000),
)
