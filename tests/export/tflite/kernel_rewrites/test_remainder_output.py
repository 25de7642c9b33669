"""Outputs that overfill a tile, computed apart: the same bits from LiteRT, at any even size."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.tflite.format import write_tflite
from edge_imgq.export.tflite.kernel_rewrites.choose_rewrites import fastest_rewrites
from edge_imgq.graph.prepared import PreparedGraph
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.kernels.arm import ARM_DOT
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


def test_outputs_that_overfill_a_tile_are_parted_and_joined_to_the_same_bits(
    tmp_path: Path,
) -> None:
    first, second = conv("image", "a", 3, 3, 20), conv("b", "c", 3, 20, 20)
    original = network(
        first, relu("a", "b"), second, relu("c", "d"), conv("d", "out", 1, 20, 3), channels=3
    )
    contract = ImageContract("image-to-image", 1, "rgb")
    quantized = quantize(original, PLAIN, contract, [photo(3)])
    path = tmp_path / "parted.tflite"
    spec = ExportSpec((SIZE,), FileNote("m", "t", contract, "0"))
    write_tflite(PreparedGraph(quantized, ARM_DOT), spec, path)
    fast = fastest_rewrites(read_network(bind_size(quantized, SIZE)), ARM_DOT)
    kinds = [operation.kind for operation in fast.network.operations]
    assert kinds[:5] == ["Conv", "Conv", "Conv", "DepthToSpace", "Concat"]
    for size in (SIZE, (18, 6)):
        pixels = photo(3, size)
        image = (pixels.transpose(2, 0, 1)[None] / np.float32(255)).astype(np.float32)
        wanted = np.rint(run(quantized, image, exact=True) * 255)[0].transpose(1, 2, 0)
        got = open_session(path).run(pixels).astype(int)
        assert (got == wanted).mean() > 0.999
        assert np.abs(got - wanted).max() <= 1
    assert_same_bits(PreparedGraph(quantized, ARM_DOT), spec, path, photo(3))
