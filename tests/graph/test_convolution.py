"""Convolutions as one value, and padding as numbers, against ONNX Runtime."""

from __future__ import annotations

import itertools

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.export.tflite.kernel_rewrites.same_convolution import same_convolution
from edge_imgq.graph.convolution import (
    attributes_of,
    convolution_in,
    convolution_of,
    padding_in,
)
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.rewrite import rewrite
from edge_imgq.graph.shapes.size import bind_size
from tests.graph.padded_windows import (
    AUTOMATIC,
    CONSTANTS,
    GENERATOR,
    model,
    only,
)

from .build import kinds, parsed, run, weights

IMAGE = GENERATOR.normal(size=(1, 6, 9, 10)).astype(np.float32)


@pytest.mark.parametrize(
    "attributes",
    ["", "<pads=[1,2,1,2]>", "<pads=[1,1,1,3]>", "<pads=[2,2,0,2]>",
     "<pads=[1,2,1,2], strides=[1,2]>",
     "<pads=[2,2,2,2], dilations=[2,1]>", '<auto_pad="SAME_LOWER">', '<auto_pad="VALID">'],
)  # fmt: skip
def test_a_convolution_knows_whether_it_keeps_the_size(attributes: str) -> None:
    graph = model(f"Conv{attributes}(image, odd, b)")
    found = convolution_of(only(graph))
    assert found is not None
    assert found.keeps_size == (run(graph, IMAGE).shape[2:] == IMAGE.shape[2:])
    assert found.kernel == (3, 5)
    np.testing.assert_array_equal(found.bias, CONSTANTS["b"])


@pytest.mark.parametrize("expression", ["Relu(image)", "Conv(image, computed)", "MatMul(image, m)"])
def test_anything_else_is_none(expression: str) -> None:
    body = f"computed = Relu(odd) out = {expression}" if "computed" in expression else ""
    constants = {"odd": CONSTANTS["odd"], "m": weights(GENERATOR, 10, 10)}
    used = {name: value for name, value in constants.items() if name in (body or expression)}
    graph = parsed(body or f"out = {expression}", used, "9,10")
    assert convolution_of(list(graph.graph)[-1]) is None


def test_an_operation_is_read_as_its_node_is() -> None:
    graph = model("Conv<pads=[1,2,1,2], group=1>(image, odd, b)")
    (operation,) = read_network(graph).operations
    one, other = convolution_of(only(graph)), convolution_in(operation)
    assert one is not None
    assert other is not None
    assert (one.pads, one.strides, one.group) == (other.pads, other.strides, other.group)


def test_forms_copy_attributes_and_so_take_stated_padding_alone() -> None:
    graph = model('Conv<auto_pad="SAME_UPPER">(image, odd, b)')
    assert same_convolution(read_network(graph).operations[0]) is None
    stated = rewrite(graph, ["canonical"])
    assert same_convolution(read_network(stated).operations[0]) is not None


def test_a_transposed_convolution_of_automatic_padding_is_sub_pixel() -> None:
    graph = model('ConvTranspose<auto_pad="SAME_UPPER", strides=[2,2]>(image, back, b)', "h,w")
    rewritten = rewrite(graph, ["canonical", "sub-pixel"])
    assert kinds(rewritten) == ["Conv", "DepthToSpace"]
    np.testing.assert_allclose(run(rewritten, IMAGE), run(graph, IMAGE), atol=1e-5)
    assert kinds(bind_size(rewritten, (9, 10))) == ["Conv", "DepthToSpace"]


SIZED = [
    *(f'Conv<auto_pad="{auto}", strides=[2,3]>(image, {weight}, b)'
      for auto, weight in itertools.product(AUTOMATIC, ("odd", "even"))),
    'MaxPool<auto_pad="SAME_LOWER", kernel_shape=[3,3], strides=[2,2]>(image)',
    'ConvTranspose<output_shape=[18,20], strides=[2,2]>(image, back, b)',
    'ConvTranspose<auto_pad="SAME_UPPER", output_shape=[18,19], strides=[2,2]>(image, back, b)',
    'ConvTranspose<auto_pad="SAME_LOWER", output_padding=[1,1], strides=[2,2]>(image, back, b)',
]  # fmt: skip


@pytest.mark.parametrize("expression", SIZED)
def test_padding_at_a_size_is_what_onnx_runtime_works_out(expression: str) -> None:
    graph = model(expression)
    wanted, node = run(graph, IMAGE), only(graph)
    attributes = attributes_of(node)
    kernel = attributes.get("kernel_shape") or node.inputs[1].shape.numpy()[2:]
    pads = padding_in(node.op_type, attributes, kernel, IMAGE.shape[2:])
    for name in ("auto_pad", "output_shape"):
        node.attributes.pop(name, None)
    node.attributes["pads"] = ir.AttrInt64s("pads", list(pads))
    np.testing.assert_allclose(run(graph, IMAGE), wanted, atol=1e-5)
