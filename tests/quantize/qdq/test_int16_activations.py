"""QDQ graphs whose activations have 16 bits, in ONNX Runtime and in LiteRT's 16x8 kernels."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from onnx import helper

from edge_imgq.export.tflite.lower import lower
from edge_imgq.export.tflite.lowering_options import LoweringOptions
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.quantize.qdq.int16_activations import with_int16_activations
from edge_imgq.quantize.quantize import quantize
from tests.export.tflite.witness import NOTE, interpreter_of, kinds, run_litert
from tests.graph.build import model, run, weights
from tests.quantize.build import CONTRACT, RECIPE, as_input, conv, photo

SIZE = (24, 20)
"""Of the photograph."""


def deep_network() -> ir.Model:
    """Twelve convolutions with sums: a level that is rounded otherwise changes the next ones."""
    generator = np.random.default_rng(8)
    nodes, constants, source = [conv("image", "w", "c0", "b")], {}, "c0"
    constants["w"], constants["b"] = weights(generator, 8, 3, 3, 3), weights(generator, 8)
    for index in range(5):
        names = [f"{letter}{index}" for letter in "vwrsx"]
        constants[names[0]] = weights(generator, 8, 8, 3, 3)
        constants[names[1]] = 0.5 * weights(generator, 8, 8, 3, 3)
        nodes += [
            conv(source, names[0], names[2]),
            helper.make_node("Relu", [names[2]], [names[3]]),
            conv(names[3], names[1], names[4]),
            helper.make_node("Add", [source, names[4]], [f"d{index}"]),
        ]
        source = f"d{index}"
    constants |= {"last": 0.1 * weights(generator, 3, 8, 3, 3), "half": np.float32(0.5)}
    nodes += [
        conv(source, "last", "e"),
        helper.make_node("Mul", ["e", "half"], ["f"]),
        helper.make_node("Add", ["image", "f"], ["out"]),
    ]
    return model(nodes, constants)


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((one - other) ** 2)))


@pytest.fixture(scope="module")
def pair() -> tuple[ir.Model, ir.Model, ir.Model]:
    """Return the float graph, its QDQ graph, and that with activations of 16 bits."""
    original = deep_network()
    quantized = quantize(original, RECIPE, CONTRACT, [photo()])
    return original, quantized, with_int16_activations(quantized)


def test_it_is_nearer_to_the_float_network_than_int8(
    pair: tuple[ir.Model, ir.Model, ir.Model],
) -> None:
    wanted, int8, int16 = (run(graph, as_input(photo()), exact=True).clip(0, 1) for graph in pair)
    assert psnr(int16, wanted) > psnr(int8, wanted) + 3


def test_each_convolution_and_sum_reads_and_writes_int16(
    pair: tuple[ir.Model, ir.Model, ir.Model],
) -> None:
    network = read_network(bind_size(pair[2], SIZE))
    seen = {"Conv": 0, "Add": 0, "Mul": 0}
    for operation in network.operations:
        if operation.kind not in seen:
            continue
        seen[operation.kind] += 1
        stored = [operation.operand(0), operation.output]
        stored += [] if operation.kind == "Conv" else [operation.operand(1)]
        assert {t.quantization.dtype for t in stored if t.quantization} == {"int16"}
    assert seen == {"Conv": 12, "Add": 6, "Mul": 1}
    ends = [*network.inputs, *network.outputs]
    assert [t.quantization.dtype for t in ends if t.quantization] == ["int8", "int8"]


def test_litert_computes_what_the_graph_says(pair: tuple[ir.Model, ir.Model, ir.Model]) -> None:
    image = photo()
    network = read_network(bind_size(pair[2], SIZE))
    data = lower(network, NOTE)
    got = run_litert(data, image[np.newaxis])[0]
    wanted = np.rint(run(pair[2], as_input(image), exact=True)[0].transpose(1, 2, 0) * 255)
    assert (np.abs(got.astype(int) - wanted) <= 1).all()
    assert (got == wanted).mean() > 0.98
    types = [np.dtype(d["dtype"]).name for d in interpreter_of(data).get_tensor_details()]
    assert types.count("int64") == 12


def test_a_file_for_an_npu_pads_before_a_convolution_of_three_channels(
    pair: tuple[ir.Model, ir.Model, ir.Model],
) -> None:
    """Qualcomm's NPU pads the image with gray: tests/export/npu sees its borders."""
    network = read_network(bind_size(pair[2], SIZE))
    data, other = lower(network, NOTE, options=LoweringOptions(npu=True)), lower(network, NOTE)
    assert (kinds(data).count("PAD"), kinds(other).count("PAD")) == (1, 0)
    image = photo()[np.newaxis]
    assert np.array_equal(run_litert(data, image), run_litert(other, image))


def test_a_depthwise_convolution_keeps_int8() -> None:
    generator = np.random.default_rng(5)
    nodes = [conv("image", "w", "a"), conv("a", "v", "b"), conv("b", "u", "out")]
    nodes[1].attribute.append(helper.make_attribute("group", 8))
    shapes = {"w": (8, 3, 3, 3), "v": (8, 1, 3, 3), "u": (3, 8, 3, 3)}
    constants = {name: weights(generator, *shape) for name, shape in shapes.items()}
    quantized = quantize(model(nodes, constants), RECIPE, CONTRACT, [photo()])
    network = read_network(bind_size(with_int16_activations(quantized), SIZE))
    stored = [o.output.quantization for o in network.operations if o.kind == "Conv"]
    assert [scale.dtype for scale in stored if scale] == ["int16", "int8", "int16"]


def test_an_operator_that_has_no_int16_form_keeps_int8() -> None:
    """Sigmoid, whose int8 scale formats prescribe, and a Clip between two convolutions."""
    nodes = [
        conv("image", "w", "a"),
        helper.make_node("Clip", ["a", "low", "high"], ["b"]),
        conv("b", "v", "c"),
        helper.make_node("Sigmoid", ["c"], ["out"]),
    ]
    generator = np.random.default_rng(2)
    constants = {"w": weights(generator, 8, 3, 3, 3), "v": weights(generator, 3, 8, 3, 3)}
    constants |= {"low": np.float32(-0.25), "high": np.float32(0.5)}
    quantized = quantize(model(nodes, constants), RECIPE, CONTRACT, [photo()])
    wide = with_int16_activations(quantized)
    network = read_network(bind_size(wide, SIZE))
    (sigmoid,) = (o for o in network.operations if o.kind == "Sigmoid")
    for tensor in (sigmoid.operand(0), sigmoid.output):
        assert tensor.quantization is not None
        assert tensor.quantization.dtype == "int8"
    stored = [o.output.quantization for o in network.operations if o.kind == "Conv"]
    assert [scale.dtype for scale in stored if scale] == ["int16", "int16"]
    int8, int16 = (run(graph, as_input(photo()), exact=True) for graph in (quantized, wide))
    assert psnr(int8, int16) > 45


def test_the_given_graph_is_not_changed(pair: tuple[ir.Model, ir.Model, ir.Model]) -> None:
    assert not any(
        value.const_value is not None and value.dtype is ir.DataType.INT16
        for value in pair[1].graph.initializers.values()
    )


def test_a_bias_beyond_int32_keeps_its_convolution_in_int8() -> None:
    constants = {"w": np.full((3, 3, 3, 3), 1e-6, np.float32), "b": np.full(3, 0.5, np.float32)}
    nodes = [conv("image", "w", "a", "b"), helper.make_node("Add", ["image", "a"], ["out"])]
    quantized = quantize(model(nodes, constants), RECIPE, CONTRACT, [photo()])
    network = read_network(bind_size(with_int16_activations(quantized), SIZE))
    kinds_of = {o.kind: o.output.quantization for o in network.operations}
    assert kinds_of["Conv"] is not None
    assert kinds_of["Add"] is not None
    assert (kinds_of["Conv"].dtype, kinds_of["Add"].dtype) == ("int8", "int16")
