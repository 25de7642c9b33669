"""Models that are refused as soon as they are read, and those that only look odd."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from edge_imgq.errors import ModelError
from edge_imgq.graph.load.load import normalise
from edge_imgq.graph.load.refusals import refuse_computed_weights
from edge_imgq.graph.pixels import contract_of
from edge_imgq.graph.ports.chosen_ports import with_chosen_ports
from edge_imgq.graph.rewrite import rewrite
from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.ports import Port, PortRequest, PortRequests
from tests.graph.build import parsed, run

IMAGE = np.random.default_rng(5).random((1, 3, 8, 12), np.float32)
HEAD = '<ir_version: 8, opset_import: ["" : {opset}, "com.acme" : 1]>\n'


def read(body: str, shape: str = "float[1,3,8,12] image", opset: int = 17) -> onnx.ModelProto:
    head = HEAD.format(opset=opset)
    model = onnx.parser.parse_model(f"{head}m ({shape}) => (float[1,3,8,12] y) {body}")
    if "Loop" not in body:
        model.graph.output[0].type.tensor_type.ClearField("shape")
    return model


QUANTIZED = """<float s = {0.1}, uint8 z = {0}> {
    q = QuantizeLinear(image, s, z) y = DequantizeLinear(q, s, z) }"""
LOOP = """<int64 n = {3}, bool c = {1}> {
    y = Loop(n, c, image) <body = b (int64 i, bool k, float[1,3,8,12] v)
        => (bool k2, float[1,3,8,12] w) { k2 = Identity(k) w = Relu(v) }> }"""
BRANCH = """{
    m = ReduceMean<keepdims=0>(image) h = Constant<value_float=0.5>() c = Greater(m, h)
    y = If(c) <then_branch = t () => (float[1,3,8,12] a) { a = Relu(image) },
               else_branch = e () => (float[1,3,8,12] b) { b = Neg(image) }> }"""

REFUSED = {
    "quantized": (QUANTIZED, "is quantized already: it holds QuantizeLinear 'q'"),
    "foreign": ("{ y = com.acme.Swoosh(image) }", "that are not ONNX's: Swoosh 'y'"),
    "a loop": (LOOP, "decides at run time what to compute, by Loop"),
    "a branch": (BRANCH, "decides at run time what to compute, by If"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_by_the_name_of_its_node(name: str) -> None:
    body, sentence = REFUSED[name]
    with pytest.raises(ModelError, match=sentence):
        normalise(read(body), "mine.onnx")


def test_a_branch_that_is_decided_is_taken() -> None:
    body = BRANCH.replace("c = Greater(m, h)", "c = Greater(h, z)").replace(
        "h = Constant", "z = Constant<value_float=0.2>() h = Constant"
    )
    model = normalise(read(body), "mine.onnx")
    np.testing.assert_array_equal(run(model, IMAGE - 0.5), np.maximum(IMAGE - 0.5, 0))


def test_a_network_of_tokens_is_told_what_it_returns() -> None:
    body = "{ y = ReduceMean<keepdims=0, axes=[3]>(image) }"
    with pytest.raises(ModelError, match="returns 'y' of shape 1×3×8;"):
        contract_of(normalise(read(body), "mine.onnx"), "mine.onnx", 1.0)


def test_planes_that_are_returned_in_place_of_an_image_are_told_apart() -> None:
    body = "<int64[2] n = {2,1}> { y, z = Split<axis=1>(image, n) }"
    contract = contract_of(normalise(read(body), "mine.onnx"), "mine.onnx", 1.0)
    assert contract.result == Port("y", "plane", 2)
    assert not contract.returns_image


def test_several_outputs_are_read_and_cut_off_where_one_is_named() -> None:
    model = read("{ h = AveragePool<kernel_shape=[2,2], strides=[2,2]>(image) y = Relu(image) }")
    for name, size in (("y", (8, 12)), ("h", (4, 6))):
        shape = [1, 3, *size]
        value = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        model.graph.output.insert(0, value)
    del model.graph.output[2]
    whole = normalise(model, "two.onnx")
    assert [value.name for value in whole.graph.outputs] == ["h", "y"]
    cut = with_chosen_ports(model, PortRequests((PortRequest("y"),)), "two.onnx")
    assert [node.op_type for node in normalise(cut, "cut").graph] == ["Relu"]


def test_what_to_do_about_an_input_that_is_no_image_and_no_vector_is_said() -> None:
    model = read("{ y = Mul(image, sigma) }", "float[1,3,8,12] image, float[1,h,1] sigma")
    with pytest.raises(
        ModelError, match=r"'sigma' has shape 1×h×1; an image or plane is \(1, C, H, W\), numbers"
    ):
        normalise(model, "mine.onnx")
    model = read("{ y = Mul(image, sigma) }", "float[1,3,8,12] image, float[1,1,1,1] sigma")
    bound = with_chosen_ports(model, PortRequests(bound=(("sigma", (0.5,)),)), "mine.onnx")
    np.testing.assert_allclose(run(normalise(bound, "mine.onnx"), IMAGE), IMAGE * 0.5)


def test_a_batch_of_several_images_becomes_one() -> None:
    model = normalise(read("{ y = Relu(image) }", "float[4,3,8,12] image"), "mine.onnx")
    assert list(bind_size(model, (8, 12)).graph.outputs[0].shape) == [1, 3, 8, 12]


def test_a_batch_that_a_node_holds_is_refused() -> None:
    body = "<int64[4] n = {4,3,8,12}> { r = Relu(image) y = Reshape(r, n) }"
    with pytest.raises(ModelError, match=r"batches of 4 images, and Reshape"):
        normalise(read(body.replace("8,12}", "12,8}"), "float[4,3,8,12] image"), "mine.onnx")


@pytest.mark.parametrize("ending", ["Round", "Floor", "Relu"])
def test_bytes_at_the_ends_become_numbers(ending: str) -> None:
    body = f"""<float h = {{0.8}}, float a = {{0}}, float b = {{255}}> {{
        f = Cast<to=1>(image) s = Mul(f, h) r = {ending}(s)
        c = Clip(r, a, b) y = Cast<to=2>(c) }}"""
    proto = read(body, "uint8[1,3,8,12] image")
    proto.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    pixels = np.random.default_rng(6).integers(0, 256, (1, 3, 8, 12)).astype(np.uint8)
    wanted = ReferenceEvaluator(proto).run(None, {"image": pixels})[0].astype(int)
    got = run(normalise(proto, "mine.onnx"), pixels.astype(np.float32))
    assert np.abs(got - wanted).max() <= (0.51 if ending == "Round" else 1)


def test_a_region_that_an_old_exporter_left_empty_is_none() -> None:
    body = """<float[0] roi = {}, float[4] s = {1,1,2,2}> {
        y = Resize<mode="linear">(image, roi, s) }"""
    model = normalise(read(body, opset=11), "mine.onnx")
    (node,) = model.graph
    assert node.inputs[1] is None


def test_the_size_behind_a_group_normalisation_is_known() -> None:
    body = """<float[4] g = {1,2,1,1}, float[4] b = {0,1,0,0}, int64[1] s = {0}, int64[1] e = {1}> {
        c = Concat<axis=1>(image, image, image, image)
        n = GroupNormalization<num_groups=2>(c, g, b) l = LeakyRelu(n) y = Slice(l, s, e, e) }"""
    proto = read(body, "float[1,1,h,w] image", 21)
    wanted = ReferenceEvaluator(proto).run(None, {"image": IMAGE[:, :1]})[0]
    model = bind_size(normalise(proto, "mine.onnx"), (8, 12))
    got = run(rewrite(model, ["canonical"]), IMAGE[:, :1])
    np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_weights_that_the_network_computes_are_refused_for_int8_in_one_sentence() -> None:
    body = "w = ReduceMean(image, far) out = Conv(image, w)"
    model = parsed(body, {"far": np.array([2], np.int64)})
    with pytest.raises(ModelError, match=r"computes the weights of Conv 'node_1' .*int8"):
        refuse_computed_weights(model, "m")
