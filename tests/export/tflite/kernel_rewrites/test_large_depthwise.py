"""Depthwise convolutions of many taps: parts in float, groups in int8, against ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
from onnx import helper

from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.tflite.format import write_tflite
from edge_imgq.export.tflite.kernel_rewrites.choose_rewrites import fastest_rewrites
from edge_imgq.graph.network import Operation
from edge_imgq.graph.prepared import PreparedGraph
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.kernels.x86 import X86_VNNI
from edge_imgq.quantize.quantize import quantize
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.runtime.litert import open_session
from tests.export.tflite.kernel_rewrites.build import assert_same_bits
from tests.graph.build import model, run, weights

PLAIN = QuantizeRecipe("plain", "", "min-max", ())
CONTRACT = ImageContract("image-to-image", 1, "rgb")
SIZE = (20, 28)
SEED = 6

CASES: dict[str, tuple[int, tuple[int, int], int, tuple[int, ...]]] = {
    "7x7": (12, (7, 7), 1, (3, 3, 3, 3)),
    "9x5": (16, (9, 5), 1, (4, 2, 4, 2)),
    "one row of 31": (8, (1, 31), 1, (0, 15, 0, 15)),
    "one column of 31": (8, (31, 1), 1, (15, 0, 15, 0)),
    "dilated 7x7": (20, (7, 7), 2, (6, 6, 6, 6)),
    "an even kernel": (8, (8, 6), 1, (3, 2, 4, 3)),
    "a margin beyond the kernel": (8, (7, 7), 1, (5, 4, 3, 6)),
}
"""Channels, kernel, dilation and padding."""


def network(name: str) -> ir.Model:
    channels, kernel, dilation, pads = CASES[name]
    generator = np.random.default_rng(SEED)
    constants = {
        "a": weights(generator, channels, 3, 1, 1),
        "w": weights(generator, channels, 1, *kernel),
        "b": weights(generator, channels),
        "c": weights(generator, 3, channels, 1, 1),
    }
    nodes = [
        helper.make_node("Conv", ["image", "a"], ["p"], name="p"),
        helper.make_node(
            "Conv", ["p", "w", "b"], ["q"], name="q", group=channels, pads=pads,
            dilations=[dilation] * 2,
        ),
        helper.make_node("Relu", ["q"], ["r"], name="r"),
        helper.make_node("Conv", ["r", "c"], ["out"], name="out"),
    ]  # fmt: skip
    return model(nodes, constants)


def deep(original: ir.Model, size: tuple[int, int] = SIZE) -> list[Operation]:
    """Return the operations between the two convolutions of one tap, in the fast form."""
    fast = fastest_rewrites(read_network(bind_size(original, size)), X86_VNNI)
    assert fast.multiple == 1
    return list(fast.network.operations[1:-1])


def photo(size: tuple[int, int] = SIZE) -> Any:
    return np.random.default_rng(SEED).integers(0, 256, (*size, 3), np.uint8)


def levels(original: ir.Model, pixels: Any, *, exact: bool = False) -> Any:
    image = (pixels.transpose(2, 0, 1)[None] / np.float32(255)).astype(np.float32)
    return np.rint(run(original, image, exact=exact).clip(0, 1) * 255)[0].transpose(1, 2, 0)


@pytest.mark.parametrize("name", CASES)
def test_float_parts_take_at_most_25_taps_and_agree_with_onnx_runtime(name: str, tmp_path) -> None:
    original = network(name)
    parts = [operation for operation in deep(original) if operation.kind == "Conv"]
    assert max(np.prod(part.operand(1).shape[2:]) for part in parts) <= X86_VNNI.depthwise_taps
    path = tmp_path / "parts.tflite"
    write_tflite(
        PreparedGraph(original), ExportSpec((SIZE,), FileNote("m", "t", CONTRACT, "0")), path
    )
    got = open_session(path).run(photo()).astype(int)
    assert (got == levels(original, photo())).mean() > 0.999


@pytest.mark.parametrize("name", CASES)
def test_int8_groups_return_what_the_qdq_model_returns(name: str, tmp_path) -> None:
    quantized = quantize(network(name), PLAIN, CONTRACT, [photo()])
    (grouped,) = deep(quantized)
    channels, size = grouped.operand(1).shape[:2]
    assert size > 1
    assert grouped.attributes["group"] * size == channels == CASES[name][0]
    path = tmp_path / "groups.tflite"
    order = ExportSpec((SIZE,), FileNote("m", "t", CONTRACT, "0"))
    write_tflite(PreparedGraph(quantized), order, path)
    got, wanted = (
        open_session(path).run(photo()).astype(int),
        levels(quantized, photo(), exact=True),
    )
    assert (got == wanted).mean() > 0.999
    assert np.abs(got - wanted).max() <= 1
    assert_same_bits(PreparedGraph(quantized), order, path, photo())


def test_a_file_in_parts_runs_at_other_sizes(tmp_path) -> None:
    original = network("7x7")
    path = tmp_path / "parts.tflite"
    write_tflite(
        PreparedGraph(original), ExportSpec((SIZE,), FileNote("m", "t", CONTRACT, "0")), path
    )
    session, other = open_session(path), photo((33, 17))
    assert session.note.resizable
    assert (session.run(other).astype(int) == levels(original, other)).mean() > 0.999


def test_a_part_that_would_read_a_cropped_image_is_not_made() -> None:
    original = network("7x7")
    convolution = next(node for node in original.graph if node.name == "q")
    convolution.attributes["pads"] = ir.AttrInt64s("pads", [0, 0, 0, 0])
    assert [operation.kind for operation in deep(original)] == ["Conv"]


def test_25_taps_and_strides_stay_as_they_are() -> None:
    for kernel, stride in ((5, 1), (7, 2)):
        generator = np.random.default_rng(SEED)
        constants = {
            "a": weights(generator, 8, 3, 1, 1), "w": weights(generator, 8, 1, kernel, kernel),
            "c": weights(generator, 12, 8, 1, 1),
        }  # fmt: skip
        nodes = [
            helper.make_node("Conv", ["image", "a"], ["p"], name="p"),
            helper.make_node(
                "Conv", ["p", "w"], ["q"], name="q", group=8, pads=[kernel // 2] * 4,
                strides=[stride] * 2,
            ),
            helper.make_node("Conv", ["q", "c"], ["r"], name="r"),
            helper.make_node("DepthToSpace", ["r"], ["out"], name="s", blocksize=2),
        ]  # fmt: skip
        operations = deep(model(nodes, constants))
        assert operations[0].attributes.get("group") == 8
