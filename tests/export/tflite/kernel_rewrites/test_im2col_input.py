"""What lies under the taps of a gray image, made channels: the same bits, at any even size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.tflite.format import write_tflite
from edge_imgq.export.tflite.kernel_rewrites.choose_rewrites import fastest_rewrites
from edge_imgq.graph.prepared import PreparedGraph
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.kernels.arm import ARM_DOT
from edge_imgq.kernels.x86 import X86_VNNI
from edge_imgq.quantize.quantize import quantize
from edge_imgq.runtime.litert import open_session
from tests.export.tflite.kernel_rewrites.build import (
    PLAIN,
    SIZE,
    assert_same_bits,
    conv,
    network,
    photo,
    relu,
)
from tests.graph.build import run


@pytest.mark.parametrize(("pads", "rows"), [([2, 2, 2, 2], 3), ([1, 2, 3, 2], 4)])
def test_a_gray_image_becomes_a_matrix_product_of_the_same_bits(
    pads, rows: int, tmp_path: Path
) -> None:
    first = conv("image", "a", 5, 1, 32, pads=pads)
    original = network(first, relu("a", "b"), conv("b", "out", 1, 32, 1), channels=1)
    contract = ImageContract("image-to-image", 1, "y")
    quantized = quantize(original, PLAIN, contract, [photo(1)])
    path = tmp_path / "gathered.tflite"
    spec = ExportSpec((SIZE,), FileNote("m", "t", contract, "0"))
    write_tflite(PreparedGraph(quantized, ARM_DOT), spec, path)
    bound = read_network(bind_size(quantized, SIZE))
    kinds = [op.kind for op in fastest_rewrites(bound, ARM_DOT).network.operations]
    gathered = ["Pad", *["Slice"] * 3, "Concat", *["Slice"] * rows, "Concat"]
    wanted = ["SpaceToDepth", *gathered, "Conv", "DepthToSpace"]
    assert kinds[: len(wanted)] == wanted
    session = open_session(path)
    assert session.resizable
    for size in (SIZE, (20, 8)):
        pixels = photo(1, size)
        image = (pixels.transpose(2, 0, 1)[None] / np.float32(255)).astype(np.float32)
        levels = np.rint(run(quantized, image, exact=True) * 255)[0].transpose(1, 2, 0)
        got = session.run(pixels).astype(int)
        assert (got == levels).mean() > 0.999
        assert np.abs(got - levels).max() <= 1
    assert_same_bits(PreparedGraph(quantized, ARM_DOT), spec, path, photo(1))


def test_other_kernels_and_float_keep_their_taps() -> None:
    original = network(conv("image", "out", 5, 1, 32), channels=1)
    contract = ImageContract("image-to-image", 1, "y")
    quantized = quantize(original, PLAIN, contract, [photo(1)])
    for graph, kernels in ((quantized, X86_VNNI), (original, ARM_DOT)):
        fast = fastest_rewrites(read_network(bind_size(graph, SIZE)), kernels)
        assert "Pad" not in {op.kind for op in fast.network.operations}
