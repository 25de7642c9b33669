"""Memory of activations: by hand, and against where LiteRT itself puts the tensors."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_imgq.devices.host import footprint
from edge_imgq.runtime.memory import Plan, Step, activation_memory, peak
from tests.cli.conftest import exporting, photos, shared_export, tiny  # noqa: F401


def test_a_skip_connection_keeps_its_tensor_alive() -> None:
    """x → a → b → c, then c + a: at the addition a, c and the sum are alive, and the image."""
    steps = (
        Step("conv", ("x", "w"), ("a",)),
        Step("conv", ("a", "w"), ("b",)),
        Step("conv", ("b", "w"), ("c",)),
        Step("add", ("c", "a"), ("y",)),
    )
    sizes = {"x": 1, "w": 1000, "a": 10, "b": 30, "c": 20, "y": 5}
    found = peak(Plan(steps, sizes, ("x",), ("y",)))
    assert (found.bytes, found.operator, found.tensors) == (1 + 5 + 10 + 30 + 20, "conv 'c'", 5)


def test_a_chain_needs_two_neighbours_at_once() -> None:
    steps = tuple(Step("relu", (f"t{i}",), (f"t{i + 1}",)) for i in range(5))
    sizes = {f"t{i}": 100 for i in range(6)}
    assert peak(Plan(steps, sizes, ("t0",), ("t5",))).bytes == 400


def test_quantizers_between_operators_and_their_weights_count_as_nothing() -> None:
    steps = (
        Step("DequantizeLinear", ("w",), ("wd",)),
        Step("QuantizeLinear", ("x",), ("xq",)),
        Step("DequantizeLinear", ("xq",), ("xd",)),
        Step("Conv", ("xd", "wd"), ("a",)),
        Step("QuantizeLinear", ("a",), ("aq",)),
        Step("DequantizeLinear", ("aq",), ("ad",)),
        Step("Relu", ("ad",), ("r",)),
        Step("QuantizeLinear", ("r",), ("rq",)),
        Step("DequantizeLinear", ("rq",), ("y",)),
    )
    sizes = {"x": 4, "xq": 1, "xd": 4, "w": 99, "wd": 400, "a": 40, "aq": 10, "ad": 40}
    sizes |= {"r": 40, "rq": 10, "y": 4}
    found = peak(Plan(steps, sizes, ("x",), ("y",)))
    assert (found.bytes, found.operator) == (4 + 4 + 10 + 10, "Relu 'rq'")


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux alone tells peaks")
def test_a_runtime_needs_no_less_than_the_activations(shared_export: Path) -> None:  # noqa: F811
    """An image of 1 megapixel: some 70 MB in float, and LiteRT in a process of its own."""
    size = (960, 1088)
    path = shared_export / "tflite-float.tflite"
    pixels = size[0] * size[1]
    found = footprint(path, size, threads=1)
    assert isinstance(found, int)
    assert 4 * pixels * (3 + 8 + 3) * 0.9 < found < 4 * pixels * 100


def test_every_format_of_one_network_is_read(shared_export: Path) -> None:  # noqa: F811
    found = {
        name: activation_memory(shared_export / name, (48, 64)).bytes
        for name in ("onnx-float.onnx", "onnx-int8.onnx", "tflite-float.tflite")
    }
    pixels = 48 * 64
    # The image, 3 channels, and what the hidden layer of 8 channels needs on both sides of ReLU.
    assert found["onnx-float.onnx"] == 4 * pixels * (3 + 3 + 8 + 8)
    # LiteRT fuses ReLU into the convolution; the last convolution reads 8 and writes 3.
    assert found["tflite-float.tflite"] == 4 * pixels * (3 + 3 + 8 + 3)
    assert found["onnx-int8.onnx"] < found["onnx-float.onnx"]
