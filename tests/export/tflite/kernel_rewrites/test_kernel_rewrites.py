"""Blocked convolutions: the same bits from LiteRT, in the forms that fill its lanes."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from onnx import helper

from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.tflite.format import write_tflite
from edge_imgq.export.tflite.kernel_rewrites.choose_rewrites import fastest_rewrites
from edge_imgq.graph.network import Network
from edge_imgq.graph.prepared import PreparedGraph
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.kernels.table import DEFAULT
from edge_imgq.quantize.quantize import quantize
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.runtime.litert import open_session
from tests.graph.build import model, run, weights

PLAIN = QuantizeRecipe("plain", "", "min-max", ())
SIZE = (12, 20)


def conv(source: str, target: str, kernel: int, inputs: int, outputs: int, pads=None, stride=1):
    generator = np.random.default_rng(kernel * 100 + outputs)
    constants = {
        f"{target}.w": weights(generator, outputs, inputs, kernel, kernel),
        f"{target}.b": weights(generator, outputs),
    }
    node = helper.make_node(
        "Conv", [source, *constants], [target], name=target,
        pads=pads or [kernel // 2] * 4, strides=[stride] * 2,
    )  # fmt: skip
    return node, constants


def network(*layers, channels: int) -> ir.Model:
    nodes = [layer[0] if isinstance(layer, tuple) else layer for layer in layers]
    constants = {k: v for layer in layers if isinstance(layer, tuple) for k, v in layer[1].items()}
    return model(nodes, constants, channels=channels)


def shuffle(source: str, target: str, block: int):
    return helper.make_node("DepthToSpace", [source], [target], name=target, blocksize=block)


def relu(source: str, target: str):
    return helper.make_node("Relu", [source], [target])


STRIDED = ["SpaceToDepth", "Conv", "Conv", "DepthToSpace"]

CASES = {
    "gray in, shuffle out": (
        lambda: network(
            conv("image", "a", 5, 1, 32), relu("a", "b"), conv("b", "c", 5, 32, 4),
            shuffle("c", "out", 2), channels=1,
        ),
        1, 2, ["SpaceToDepth", "Conv", "DepthToSpace", "Conv", "DepthToSpace"],
    ),
    "rgb out without a shuffle": (
        lambda: network(
            conv("image", "a", 1, 3, 16), relu("a", "b"), conv("b", "out", 3, 16, 3), channels=3
        ),
        3, 1, ["Conv", "Conv", "DepthToSpace"],
    ),
    "shuffle of three channels by two": (
        lambda: network(
            conv("image", "a", 1, 3, 32), relu("a", "b"), conv("b", "c", 3, 32, 3),
            relu("c", "d"), conv("d", "e", 3, 3, 4 * 3), shuffle("e", "out", 2), channels=3,
        ),
        3, 2, None,
    ),
    "padding on one side only": (
        lambda: network(
            conv("image", "a", 1, 3, 32), relu("a", "b"),
            conv("b", "out", 4, 32, 3, pads=[1, 2, 2, 1]), channels=3,
        ),
        3, 1, ["Conv", "Conv", "DepthToSpace"],
    ),
    "gray in by a stride": (
        lambda: network(
            conv("image", "a", 6, 1, 32, pads=[2] * 4, stride=2), relu("a", "b"),
            conv("b", "c", 1, 32, 4), shuffle("c", "out", 2), channels=1,
        ),
        1, 1, STRIDED,
    ),
    "a stride whose padding is no block": (
        lambda: network(
            conv("image", "a", 5, 1, 32, pads=[1, 2, 2, 1], stride=2), relu("a", "b"),
            conv("b", "c", 1, 32, 4), shuffle("c", "out", 2), channels=1,
        ),
        1, 1, STRIDED,
    ),
    "a stride of four": (
        lambda: network(
            conv("image", "a", 8, 1, 16, pads=[2] * 4, stride=4), relu("a", "b"),
            conv("b", "c", 1, 16, 16), shuffle("c", "out", 4), channels=1,
        ),
        1, 1, STRIDED,
    ),
}  # fmt: skip


def photo(channels: int, size=SIZE) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (*size, channels), np.uint8)


def views(original: ir.Model, channels: int, scale: int, size=SIZE) -> dict[str, Network]:
    contract = ImageContract("image-to-image", scale, "y" if channels == 1 else "rgb")
    quantized = quantize(original, PLAIN, contract, [photo(channels)])
    return {
        "float": read_network(bind_size(original, size)),
        "int8": read_network(bind_size(quantized, size)),
    }


@pytest.mark.parametrize(("build", "channels", "scale", "kinds"), CASES.values(), ids=CASES.keys())
def test_an_int8_file_in_fast_forms_returns_what_the_qdq_model_returns(
    build, channels, scale, kinds, tmp_path
) -> None:
    original = build()
    contract = ImageContract("image-to-image", scale, "y" if channels == 1 else "rgb")
    quantized = quantize(original, PLAIN, contract, [photo(channels)])
    path = tmp_path / "fast.tflite"
    write_tflite(
        PreparedGraph(quantized), ExportSpec((SIZE,), FileNote("m", "t", contract, "0")), path
    )
    session = open_session(path)
    pixels = photo(channels)
    image = (pixels.transpose(2, 0, 1)[None] / np.float32(255)).astype(np.float32)
    wanted = np.rint(run(quantized, image, exact=True) * 255)[0].transpose(1, 2, 0)
    got = session.run(pixels).astype(int)
    assert (got == wanted).mean() > 0.999
    assert np.abs(got - wanted).max() <= 1
    assert session.note.contract.multiple % 2 == 0
    fast = fastest_rewrites(views(original, channels, scale)["int8"], DEFAULT)
    assert kinds is None or [op.kind for op in fast.network.operations] == kinds


@pytest.mark.parametrize(("build", "channels", "scale", "kinds"), CASES.values(), ids=CASES.keys())
def test_a_float_file_in_fast_forms_agrees_with_onnx_runtime(
    build, channels, scale, kinds, tmp_path
) -> None:
    original = build()
    contract = ImageContract("image-to-image", scale, "y" if channels == 1 else "rgb")
    path = tmp_path / "fast.tflite"
    write_tflite(
        PreparedGraph(original), ExportSpec((SIZE,), FileNote("m", "t", contract, "0")), path
    )
    pixels = photo(channels)
    image = (pixels.transpose(2, 0, 1)[None] / np.float32(255)).astype(np.float32)
    wanted = np.rint(run(original, image).clip(0, 1) * 255)[0].transpose(1, 2, 0)
    got = open_session(path).run(pixels).astype(int)
    assert (got == wanted).mean() > 0.999


def test_a_fast_file_runs_at_other_sizes_of_the_multiple_it_names(tmp_path) -> None:
    original = CASES["gray in, shuffle out"][0]()
    contract = ImageContract("image-to-image", 2, "y")
    quantized = quantize(original, PLAIN, contract, [photo(1)])
    path = tmp_path / "fast.tflite"
    write_tflite(
        PreparedGraph(quantized), ExportSpec((SIZE,), FileNote("m", "t", contract, "0")), path
    )
    pixels = photo(1, (18, 6))
    image = (pixels.transpose(2, 0, 1)[None] / np.float32(255)).astype(np.float32)
    wanted = np.rint(run(quantized, image, exact=True) * 255)[0].transpose(1, 2, 0)
    assert np.abs(open_session(path).run(pixels) - wanted).max() <= 1


def test_a_stride_with_many_channels_reads_the_image_as_it_is() -> None:
    layers = (conv("image", "a", 3, 3, 16), conv("a", "b", 3, 16, 16, stride=2))
    last = (conv("b", "c", 1, 16, 12), shuffle("c", "out", 2))
    fast = fastest_rewrites(views(network(*layers, *last, channels=3), 3, 1)["int8"], DEFAULT)
    assert [op.attributes.get("strides") for op in fast.network.operations if op.name == "b"] == [
        (2, 2)
    ]


def test_odd_sizes_keep_the_plain_form() -> None:
    original = CASES["gray in, shuffle out"][0]()
    fast = fastest_rewrites(views(original, 1, 2, size=(13, 21))["int8"], DEFAULT)
    assert fast.multiple == 1
    assert [op.kind for op in fast.network.operations] == ["Conv", "Conv", "DepthToSpace"]


def test_a_value_that_others_read_keeps_its_own_shuffle() -> None:
    """The convolution before the shuffle is read twice: the shuffle cannot be absorbed."""
    features = conv("image", "a", 3, 3, 12)
    tail = conv("a", "c", 1, 12, 12)
    layers = (features, shuffle("a", "b", 2), tail, shuffle("c", "d", 2))
    total = helper.make_node("Add", ["b", "d"], ["out"], name="total")
    fast = fastest_rewrites(views(network(*layers, total, channels=3), 3, 2)["int8"], DEFAULT)
    written = {tensor.name for op in fast.network.operations for tensor in op.outputs}
    read = {t.name for op in fast.network.operations for t in op.inputs if t and t.data is None}
    assert read <= written | {"image"}
