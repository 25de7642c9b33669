"""Stacks of convolutions for Winograd F(2, 3) on even and odd rows."""

from __future__ import annotations

import re

import numpy as np
import onnx_ir as ir
from ai_edge_litert.interpreter import Interpreter

from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.export.tflite.kernel_rewrites.choose_rewrites import FastNetwork, fastest_rewrites
from edge_imgq.export.tflite.lower import lower
from edge_imgq.graph.network import Network
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.kernels.x86 import X86_VNNI
from edge_imgq.runtime.litert import placement_of
from tests.graph.build import parsed, weights

CONTRACT = ImageContract("image-to-image", 1, "y")
NOTE = FileNote("small", "tflite-float", CONTRACT, "0")
SIZE = (16, 20)
SEED = 11


def stack(body: str, outputs: int = 1, channels: int = 32) -> ir.Model:
    """Return a network whose body leads from `a`, 32 channels, to `z`, and has weights to take."""
    generator = np.random.default_rng(SEED)
    constants = {"first": weights(generator, channels, 1, 3, 3)}
    for name in ("w1", "w2", "w3", "w4"):
        constants[name] = weights(generator, channels, channels, 3, 3)
        constants[name.replace("w", "bias")] = weights(generator, channels)
    constants["wide"] = weights(generator, channels, channels, 3, 5)
    constants["tall"] = weights(generator, channels, channels, 5, 3)
    constants["point"] = weights(generator, channels, channels, 1, 1)
    constants["merge"] = weights(generator, channels, 2 * channels, 1, 1)
    constants["slope"] = generator.uniform(-0.5, 1.5, (channels, 1, 1)).astype(np.float32)
    constants["rows"] = generator.normal(0, 1, (1, channels, SIZE[0], 1)).astype(np.float32)
    constants["double"] = np.array([1, 1, 2, 2], np.float32)
    constants["zero"], constants["six"] = np.float32(0), np.float32(0.6)
    constants["last"] = weights(generator, outputs, channels, 3, 3)
    start = "a0 = Conv<pads=[1,1,1,1]>(image, first) a = Relu(a0)"
    end = "out = Conv<pads=[1,1,1,1]>(z, last)"
    words = re.findall(r"\w+", f"{body} first last")
    used = {name: values for name, values in constants.items() if name in words}
    return parsed(f"{start} {body} {end}", used, size="height,width", channels=1)


def conv(source: str, target: str, index: int) -> str:
    return f"{target} = Conv<pads=[1,1,1,1]>({source}, w{index}, bias{index})"


BODIES = {
    "stack": f"{conv('a', 'b', 1)} c = Relu(b) {conv('c', 'd', 2)} z = Relu(d)",
    "residuals": f"{conv('a', 'b', 1)} c = Relu(b) {conv('c', 'd', 2)} e = Add(a, d) "
    f"{conv('e', 'f', 3)} g = Relu(f) {conv('g', 'h', 4)} i = Add(e, h) z = Sub(i, a)",
    "slopes and bounds": f"{conv('a', 'b', 1)} c = PRelu(b, slope) {conv('c', 'd', 2)} "
    f"e = Clip(d, zero, six) {conv('e', 'f', 3)} z = LeakyRelu<alpha=0.2>(f)",
    "functions of one number": f"{conv('a', 'b', 1)} c = Cos(b) {conv('c', 'd', 2)} e = Floor(d) "
    f"{conv('e', 'f', 3)} z = Abs(f)",
    "points between": f"{conv('a', 'b', 1)} c = Conv(b, point) {conv('c', 'd', 2)} "
    f"e = Concat<axis=1>(a, d) f = Conv(e, merge) {conv('f', 'z', 3)}",
    "five columns": f"{conv('a', 'b', 1)} c = Conv<pads=[1,2,1,2]>(b, wide) z = Relu(c)",
    "five rows amid": f"{conv('a', 'b', 1)} {conv('b', 'b2', 4)} "
    f"c = Conv<pads=[2,1,2,1]>(b2, tall) {conv('c', 'd', 2)} {conv('d', 'z', 3)}",
    "the image's mean": f"{conv('a', 'b', 1)} {conv('b', 'c', 2)} m = GlobalAveragePool(c) "
    f"s = Sigmoid(m) d = Mul(c, s) {conv('d', 'e', 3)} {conv('e', 'z', 4)}",
    "a gate from a smaller image": "h = MaxPool<kernel_shape=[2,2], strides=[2,2]>(a) "
    'r = Resize<mode="linear">(h, , double) e = Conv(r, point) s = Sigmoid(e) '
    f"b = Mul(a, s) {conv('b', 'c', 1)} {conv('c', 'd', 2)} {conv('d', 'z', 3)}",
    "a number for each row": f"{conv('a', 'b', 1)} {conv('b', 'c', 2)} d = Mul(c, rows) "
    f"{conv('d', 'e', 3)} {conv('e', 'z', 4)}",
}


def fast(model: ir.Model, size: tuple[int, int] = SIZE) -> FastNetwork:
    return fastest_rewrites(read_network(bind_size(model, size)), X86_VNNI)


def computed(network: Network, image: np.ndarray) -> np.ndarray:
    """Return what LiteRT makes of an image, NCHW, all of it by XNNPACK and in one partition."""
    interpreter = Interpreter(model_content=lower(network, NOTE), num_threads=1)
    entry = interpreter.get_input_details()[0]
    interpreter.resize_tensor_input(entry["index"], (1, *image.shape[2:], 1))
    interpreter.allocate_tensors()
    interpreter.set_tensor(entry["index"], image.transpose(0, 2, 3, 1))
    interpreter.invoke()
    found = placement_of(interpreter)
    assert (found.partitions, found.fallback) == (1, ())
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def photo(size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.random.default_rng(SEED).random((1, 1, *size), dtype=np.float32)


def products(network: Network) -> int:
    """Return the multiply-accumulates of all convolutions that are not depthwise."""
    return sum(
        op.operand(1).data.size * op.output.shape[2] * op.output.shape[3]
        for op in network.operations
        if op.kind == "Conv" and op.attributes.get("group", 1) == 1
    )
