"""Kernel profiles of 64-bit Arm processors, as in phones.

Tiles are those of the kernels that LiteRT 2.3.0 selects on an emulated Cortex-A76 and X3, by name:
"4x16c4__neondot", "4x16c8__neoni8mm", and "6x8" with "4x2" for few outputs in float. Costs of
instructions were estimated with llvm-mca 22 (Neoverse N1's tables for the A76), without caches and
memory.

int8, cycles per pixel at 96×96, of which 31.9 slots make one, within 13 %:

    3×3   8→16 89   16→16 128   20→20 308   24→24 346   32→32 417   32→48 624
    5×5   32→16 543          1×1   24→80 172   36→320 816   48→36 145   64→32 115

    element moved      0.2 to 1.3 cycles, and two bytes through the caches
    PReLU in float     2.8 cycles per element between conversions, and 17 bytes from memory for an
                       image of 180×320 pixels and 12 channels, at a quarter cycle per byte

float, FSRCNN at 180×320 and VDSR-slim at 120×160:

    a product in the narrow float tile takes 2.7 times as long as one in the wide one: 4 outputs at
    5×5 in 134 million cycles, in blocks of 16 in 70; a 1×1 from 56 to 12 in 12.9 instead of 6.5
    a minimal filter moves 17.5 kB more per pixel of 11 layers of 32 channels; at 0.75 cycles per
    byte, by which published times exceed the estimates, and 0.15 cycles per slot, that is `far`

Sums stay `near` while half an image takes a quarter of the L2 cache: 512 kB in a Cortex-A76, 1 MB
in an X2. Values not explained here are copied from x86 and were not measured.
"""

from __future__ import annotations

from dataclasses import replace

from edge_imgq.kernels.profile import ActivationCost, KernelProfile
from edge_imgq.kernels.tile import NarrowTile, Tile
from edge_imgq.kernels.x86 import ROW_PARITY, X86_VNNI

ARM_DOT = KernelProfile(
    name="Arm with dot product",
    int8=Tile(outputs=16, inputs=4, tap=9, requantize=47),
    float32=Tile(outputs=8, narrow=NarrowTile(outputs=2, cost=2.7)),
    position=0,
    copy=50,
    row_parity=replace(ROW_PARITY, far=145, near_numbers=32_000),
    activations=ActivationCost(prelu=225, remainder=0, leaky=30),
    depthwise_taps=X86_VNNI.depthwise_taps,
    no_integer_kernel=X86_VNNI.no_integer_kernel,
    tabled=X86_VNNI.tabled,
    multiplies_bytes=True,
    splits_remainder_outputs=True,
    prunes_sign_channels=True,
)

ARM_I8MM = replace(
    ARM_DOT,
    name="Arm with i8mm",
    int8=replace(ARM_DOT.int8, inputs=8),
    row_parity=replace(ARM_DOT.row_parity, near_numbers=64_000),
)
