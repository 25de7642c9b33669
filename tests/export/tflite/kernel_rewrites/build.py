"""Networks whose convolutions are rewritten for kernels, and what their files must keep."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray
from onnx import helper

from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.tflite.format import write_tflite
from edge_imgq.export.tflite.kernel_rewrites.choose_rewrites import fastest_rewrites
from edge_imgq.graph.network import Network
from edge_imgq.graph.prepared import PreparedGraph
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.kernels.x86 import X86_VNNI
from edge_imgq.quantize.quantize import quantize
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.runtime.litert import open_session
from tests.graph.build import model, run, weights

Pixels = NDArray[np.uint8]

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


def write(graph: ir.Model, name: str, path: Path) -> None:
    """Write the TFLite file of a case's graph."""
    _, channels, scale, _ = CASES[name]
    contract = ImageContract("image-to-image", scale, "y" if channels == 1 else "rgb")
    order = ExportSpec((SIZE,), FileNote("m", "t", contract, "0"))
    write_tflite(PreparedGraph(graph, X86_VNNI), order, path)


def assert_same_bits(graph: PreparedGraph, order: ExportSpec, path: Path, *images: Pixels) -> None:
    """Assert that a file returns to the bit what a file of its graph without rewrites returns."""
    plain = path.with_name("plain.tflite")
    write_tflite(graph, replace(order, plain=True), plain)
    for pixels in images:
        np.testing.assert_array_equal(
            open_session(path).run(pixels), open_session(plain).run(pixels)
        )


def assert_int8_file(name: str, path: Path) -> None:
    """Assert that an int8 file returns what the QDQ model returns, by the operators expected."""
    build, channels, scale, kinds = CASES[name]
    original = build()
    contract = ImageContract("image-to-image", scale, "y" if channels == 1 else "rgb")
    quantized = quantize(original, PLAIN, contract, [photo(channels)])
    write(quantized, name, path)
    session = open_session(path)
    pixels = photo(channels)
    image = (pixels.transpose(2, 0, 1)[None] / np.float32(255)).astype(np.float32)
    wanted = np.rint(run(quantized, image, exact=True) * 255)[0].transpose(1, 2, 0)
    got = session.run(pixels).astype(int)
    assert (got == wanted).mean() > 0.999
    assert np.abs(got - wanted).max() <= 1
    order = ExportSpec((SIZE,), FileNote("m", "t", contract, "0"))
    assert_same_bits(PreparedGraph(quantized, X86_VNNI), order, path, pixels)
    assert session.note.contract.multiple % 2 == 0
    fast = fastest_rewrites(views(original, channels, scale)["int8"], X86_VNNI)
    assert kinds is None or [op.kind for op in fast.network.operations] == kinds


def assert_float_file(name: str, path: Path) -> None:
    """Assert that a float file agrees with ONNX Runtime."""
    build, channels, _, _ = CASES[name]
    original = build()
    write(original, name, path)
    pixels = photo(channels)
    image = (pixels.transpose(2, 0, 1)[None] / np.float32(255)).astype(np.float32)
    wanted = np.rint(run(original, image).clip(0, 1) * 255)[0].transpose(1, 2, 0)
    got = open_session(path).run(pixels).astype(int)
    assert (got == wanted).mean() > 0.999
