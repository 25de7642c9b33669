"""A profile gives the tile of each arithmetic."""

from __future__ import annotations

from edge_imgq.kernels.x86 import X86_VNNI


def test_each_arithmetic_has_a_tile_of_its_own() -> None:
    assert X86_VNNI.tile(quantized=True) is X86_VNNI.int8
    assert X86_VNNI.tile(quantized=False) is X86_VNNI.float32
