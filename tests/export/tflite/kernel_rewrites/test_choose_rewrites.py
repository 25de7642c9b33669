"""Which form a convolution takes, and for which sizes."""

from __future__ import annotations

import numpy as np
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.export.tflite.kernel_rewrites.choose_rewrites import fastest_rewrites
from edge_imgq.kernels.x86 import X86_VNNI
from edge_imgq.quantize.quantize import quantize
from edge_imgq.runtime.litert import open_session
from tests.export.tflite.kernel_rewrites.build import (
    CASES,
    PLAIN,
    conv,
    network,
    photo,
    shuffle,
    views,
    write,
)
from tests.graph.build import run


def test_a_fast_file_runs_at_other_sizes_of_the_multiple_it_names(tmp_path) -> None:
    name = "gray in, shuffle out"
    contract = ImageContract("image-to-image", 2, "y")
    quantized = quantize(CASES[name][0](), PLAIN, contract, [photo(1)])
    path = tmp_path / "fast.tflite"
    write(quantized, name, path)
    pixels = photo(1, (18, 6))
    image = (pixels.transpose(2, 0, 1)[None] / np.float32(255)).astype(np.float32)
    wanted = np.rint(run(quantized, image, exact=True) * 255)[0].transpose(1, 2, 0)
    assert np.abs(open_session(path).run(pixels) - wanted).max() <= 1


def test_odd_sizes_keep_the_plain_form() -> None:
    original = CASES["gray in, shuffle out"][0]()
    fast = fastest_rewrites(views(original, 1, 2, size=(13, 21))["int8"], X86_VNNI)
    assert fast.multiple == 1
    assert [op.kind for op in fast.network.operations] == ["Conv", "Conv", "DepthToSpace"]


def test_a_value_that_others_read_keeps_its_own_shuffle() -> None:
    """The convolution before the shuffle is read twice: the shuffle cannot be absorbed."""
    features = conv("image", "a", 3, 3, 12)
    tail = conv("a", "c", 1, 12, 12)
    layers = (features, shuffle("a", "b", 2), tail, shuffle("c", "d", 2))
    total = helper.make_node("Add", ["b", "d"], ["out"], name="total")
    fast = fastest_rewrites(views(network(*layers, total, channels=3), 3, 2)["int8"], X86_VNNI)
    written = {tensor.name for op in fast.network.operations for tensor in op.outputs}
    read = {t.name for op in fast.network.operations for t in op.inputs if t and t.data is None}
    assert read <= written | {"image"}
