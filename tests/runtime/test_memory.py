"""Memory of activations: by hand, and against where LiteRT itself puts the tensors."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_imgq.devices.host import footprint
from edge_imgq.runtime.memory import MemoryPlan, PlannedOperator, activation_memory, peak


def test_a_skip_connection_keeps_its_tensor_alive() -> None:
    """x → a → b → c, then c + a: at c the image, a, b and c are alive."""
    operators = (
        PlannedOperator("conv", ("x", "w"), ("a",)),
        PlannedOperator("conv", ("a", "w"), ("b",)),
        PlannedOperator("conv", ("b", "w"), ("c",)),
        PlannedOperator("add", ("c", "a"), ("y",)),
    )
    sizes = {"x": 1, "w": 1000, "a": 10, "b": 30, "c": 20, "y": 5}
    found = peak(MemoryPlan(operators, sizes, ("x",), ("y",)))
    assert (found.bytes, found.operator, found.tensors) == (1 + 10 + 30 + 20, "conv 'c'", 4)


def test_a_chain_needs_two_neighbours_at_once() -> None:
    operators = tuple(PlannedOperator("relu", (f"t{i}",), (f"t{i + 1}",)) for i in range(5))
    sizes = {f"t{i}": 100 for i in range(6)}
    assert peak(MemoryPlan(operators, sizes, ("t0",), ("t5",))).bytes == 300


def test_quantizers_between_operators_and_their_weights_count_as_nothing() -> None:
    operators = (
        PlannedOperator("DequantizeLinear", ("w",), ("wd",)),
        PlannedOperator("QuantizeLinear", ("x",), ("xq",)),
        PlannedOperator("DequantizeLinear", ("xq",), ("xd",)),
        PlannedOperator("Conv", ("xd", "wd"), ("a",)),
        PlannedOperator("QuantizeLinear", ("a",), ("aq",)),
        PlannedOperator("DequantizeLinear", ("aq",), ("ad",)),
        PlannedOperator("Relu", ("ad",), ("r",)),
        PlannedOperator("QuantizeLinear", ("r",), ("rq",)),
        PlannedOperator("DequantizeLinear", ("rq",), ("y",)),
    )
    sizes = {"x": 4, "xq": 1, "xd": 4, "w": 99, "wd": 400, "a": 40, "aq": 10, "ad": 40}
    sizes |= {"r": 40, "rq": 10, "y": 4}
    found = peak(MemoryPlan(operators, sizes, ("x",), ("y",)))
    assert (found.bytes, found.operator) == (4 + 10 + 10, "Relu 'rq'")


def test_a_network_that_computes_nothing_needs_its_image() -> None:
    found = peak(MemoryPlan((), {"x": 64}, ("x",), ("x",)))
    assert (found.bytes, found.arena, found.operator) == (64, 64, "nothing")


def test_tensors_that_live_apart_share_their_place_in_the_arena() -> None:
    """a dies where c begins, and c is no larger; b lies between two that it outlives."""
    operators = tuple(
        PlannedOperator("relu", (one,), (two,)) for one, two in ("xa", "ab", "bc", "cy")
    )
    sizes = {"x": 64, "a": 640, "b": 320, "c": 640, "y": 64}
    found = peak(MemoryPlan(operators, sizes, ("x",), ("y",)))
    assert found.bytes == found.arena == 64 + 640 + 320


def test_the_arena_is_as_large_as_litert_s_own(shared_export: Path) -> None:
    """LiteRT without a delegate: from the first byte of its tensors to the last.

    Its 3x3 convolution lays out every pixel's neighbourhood first, 27 values.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kernels = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    path = str(shared_export / "tflite-float.tflite")
    interpreter = Interpreter(path, num_threads=1, experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    pixels, activations = 48 * 64, []
    for detail in interpreter.get_tensor_details():
        view = interpreter.tensor(detail["index"])()
        if view.nbytes >= 4 * pixels:
            place = view.__array_interface__["data"][0]
            activations.append((place, place + view.nbytes))
    span = max(end for _, end in activations) - min(start for start, _ in activations)
    operators = (
        PlannedOperator("CONV_2D", ("x",), ("a", "neighbourhoods")),
        PlannedOperator("CONV_2D", ("a",), ("c",)),
        PlannedOperator("ADD", ("x", "c"), ("y",)),
    )
    counts = {"x": 3, "a": 8, "neighbourhoods": 27, "c": 3, "y": 3}
    sizes = {name: 4 * count * pixels for name, count in counts.items()}
    assert span == peak(MemoryPlan(operators, sizes, ("x",), ("y",))).arena


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux alone tells peaks")
def test_a_runtime_needs_no_less_than_the_activations(shared_export: Path) -> None:
    """An image of 1 megapixel: some 70 MB in float, and LiteRT in a process of its own."""
    size = (960, 1088)
    path = shared_export / "tflite-float.tflite"
    pixels = size[0] * size[1]
    found = footprint(path, size, threads=1)
    assert isinstance(found, int)
    assert 4 * pixels * (3 + 8 + 3) * 0.9 < found < 4 * pixels * 100


def test_every_format_of_one_network_is_read(shared_export: Path) -> None:
    found = {
        name: activation_memory(shared_export / name, (48, 64)).bytes
        for name in ("onnx-float.onnx", "onnx-int8.onnx", "tflite-float.tflite")
    }
    pixels = 48 * 64
    # The image, 3 channels, and what the hidden layer of 8 channels needs on both sides of ReLU.
    assert found["onnx-float.onnx"] == 4 * pixels * (3 + 8 + 8)
    # LiteRT fuses ReLU into the convolution; the last convolution reads 8 and writes 3.
    assert found["tflite-float.tflite"] == 4 * pixels * (3 + 8 + 3)
    assert found["onnx-int8.onnx"] < found["onnx-float.onnx"]


def test_memory_says_which_size_it_is_for(shared_export: Path) -> None:
    """A .tflite file has its own size; an ONNX file that leaves it open has the one asked for."""
    tflite = activation_memory(shared_export / "tflite-int8.tflite", (96, 96))
    opened = activation_memory(shared_export / "onnx-int8.onnx", (96, 128))
    assert (tflite.size, opened.size) == ((48, 64), (96, 128))
