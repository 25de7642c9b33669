"""The file as a whole: its form, its edges, its note, what it refuses."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from ai_edge_litert import schema_py_generated as schema

from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.errors import UnsupportedOperatorError
from edge_imgq.export.tflite.lower import lower, refusals
from edge_imgq.graph.rewrite import rewrite
from edge_imgq.runtime.litert import placement_of

from .cases import CONVOLUTIONS, POOLS, QUANTIZABLE, SMALL, numbers, scalar, weights
from .witness import (
    NOTE,
    Case,
    from_file,
    interpreter_of,
    kinds,
    levels_of_both,
    lowered,
    network_of,
    quantized,
    run_litert,
    run_onnx,
    to_file,
)

Q = ["QUANTIZE"]
IMAGE = np.random.default_rng(3).uniform(-2, 2, (1, 6, 12, 10)).astype(np.float32)

DEEP = Case(
    "a = Conv<pads=[1,1,1,1]>(x, w, b) r = Relu(a) s = Conv<pads=[1,1,1,1]>(r, v) "
    "q = Add(x, s) p = Conv(q, u) d = DepthToSpace<blocksize=2>(p) y = Clip(d, l, h)",
    constants={
        **SMALL, "v": weights(6, 8, 3, 3), "u": weights(12, 6, 1, 1),
        "l": scalar(0), "h": scalar(1),
    },
)  # fmt: skip


def parsed(data: bytes):
    return schema.ModelT.InitFromPackedBuf(data, 0)


def int8(case: Case) -> onnx.ModelProto:
    return quantized(case.model(), IMAGE)


def test_a_float_network_becomes_these_operators_and_no_other() -> None:
    wanted = ["CONV_2D", "CONV_2D", "ADD", "CONV_2D", "DEPTH_TO_SPACE", "RELU", "MINIMUM"]
    assert kinds(lowered(DEEP.model())) == wanted


def test_an_int8_network_becomes_these_operators_and_no_other() -> None:
    body = ["CONV_2D", "CONV_2D", "ADD", "CONV_2D", "DEPTH_TO_SPACE"]
    assert kinds(lowered(int8(DEEP))) == [*Q, *body, "RELU", "MINIMUM", *Q]


def test_an_int8_file_holds_no_float_tensor() -> None:
    graph = parsed(lowered(int8(DEEP))).subgraphs[0]
    types = {tensor.type for tensor in graph.tensors}
    assert types <= {
        schema.TensorType.INT8, schema.TensorType.UINT8, schema.TensorType.INT32,
    }  # fmt: skip


def test_both_ends_of_an_int8_file_are_uint8_with_the_zero_point_moved_by_128() -> None:
    model = int8(DEEP)
    interpreter = interpreter_of(lowered(model))
    network = network_of(model)
    for detail, tensor in [
        (interpreter.get_input_details()[0], network.inputs[0]),
        (interpreter.get_output_details()[0], network.outputs[0]),
    ]:
        assert detail["dtype"] == np.uint8
        scale, zero_point = detail["quantization"]
        assert scale == tensor.quantization.scale[0]
        assert zero_point == tensor.quantization.zero_point[0] + 128


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("conv same", ["CONV_2D"]),
        ("conv valid", ["CONV_2D"]),
        ("conv stride 2 on odd sides", ["CONV_2D"]),
        ("conv stride 2 padded in front", ["PAD", "CONV_2D"]),
        ("conv stride 2 upper", ["CONV_2D"]),
        ("conv padding never read", ["CONV_2D"]),
        ("conv then relu", ["CONV_2D"]),
        ("conv then relu6", ["CONV_2D"]),
        ("conv then clip to unit", ["CONV_2D", "MINIMUM"]),
        ("conv then clip below", ["CONV_2D", "MAXIMUM"]),
        ("depthwise multiplied", ["DEPTHWISE_CONV_2D"]),
        ("conv of two groups", ["CONV_2D"]),
    ],
)
def test_convolutions_take_no_operator_more_than_they_need(name: str, wanted: list[str]) -> None:
    assert kinds(lowered(CONVOLUTIONS[name].model())) == wanted


@pytest.mark.parametrize(
    "name",
    [
        "conv same", "conv of two groups", "depthwise", "conv stride 2 padded in front",
        "conv then relu6", "two convs", "deconv as fsrcnn", "leaky relu", "sigmoid", "tanh",
        "add", "add a constant per channel", "subtract", "multiply", "concat channels",
        "split in halves", "slice channels", "pad zeros", "depth to space", "space to depth",
        "pad reflected", "pad reflected all around", "softmax over channels",
        "slice of a phase", "slice of odd rows",
        "average pool", "average pool counting padding", "max pool", "global average pool",
        "linear doubled", "nearest doubled", "nearest doubled, few channels",
        "nearest doubled, many channels", "nearest by 3 and 8", "nearest of rows",
        "nearest of one pixel",
    ],
)  # fmt: skip
def test_xnnpack_takes_an_int8_file_in_one_piece(name: str) -> None:
    case = QUANTIZABLE[name]
    values = np.random.default_rng(3).uniform(-2, 2, case.shape).astype(np.float32)
    found = placement_of(interpreter_of(lowered(quantized(case.model(), values))))
    assert found.partitions == 1
    # Only the pixels' conversion at both ends stays outside, and what makes up the other cases.
    assert set(found.fallback) <= {"QUANTIZE", "RELU"}


def test_an_int8_maximum_over_a_relu_pads_with_zero() -> None:
    found = kinds(lowered(int8(POOLS["max pool of a relu"])))
    assert "PAD" in found
    assert "PADV2" not in found


@pytest.mark.parametrize(
    ("name", "code", "in_float", "in_int8"),
    [
        ("conv same", "CONV_2D", 1, 3),
        ("conv of two groups", "CONV_2D", 6, 6),
        ("depthwise", "DEPTHWISE_CONV_2D", 1, 3),
        ("depthwise dilated", "DEPTHWISE_CONV_2D", 2, 3),
        ("deconv", "TRANSPOSE_CONV", 3, 3),
        ("deconv then relu", "TRANSPOSE_CONV", 4, 4),
        ("add", "ADD", 1, 2),
        ("concat channels", "CONCATENATION", 1, 2),
        ("split in halves", "SPLIT", 1, 2),
        ("pad zeros", "PAD", 1, 2),
        ("pad reflected", "STRIDED_SLICE", 1, 2),
        ("pad reflected far", "MIRROR_PAD", 1, 2),
        ("depth to space", "DEPTH_TO_SPACE", 1, 2),
        ("leaky relu", "LEAKY_RELU", 1, 1),
        ("tanh", "TANH", 1, 2),
        ("linear doubled", "RESIZE_BILINEAR", 3, 3),
        # By these factors it is computed in float: 11 bits do not hold its weights.
        ("linear asymmetric", "RESIZE_BILINEAR", 1, 1),
        ("nearest shrunk", "RESIZE_NEAREST_NEIGHBOR", 1, 2),
        ("global average pool", "MEAN", 1, 2),
    ],
)
def test_operators_have_the_versions_of_tensorflow_lite(
    name: str, code: str, in_float: int, in_int8: int
) -> None:
    # From op_version.cc; a version too low loads and computes something else, or nothing.
    case = QUANTIZABLE[name]
    values = np.random.default_rng(3).uniform(-2, 2, case.shape).astype(np.float32)
    for model, wanted in [(case.model(), in_float), (quantized(case.model(), values), in_int8)]:
        codes = parsed(lowered(model)).operatorCodes
        number = getattr(schema.BuiltinOperator, code)
        assert {entry.version for entry in codes if entry.builtinCode == number} == {wanted}


def test_a_product_that_grows_needs_version_3_of_mul() -> None:
    model = int8(Case("y = Mul(x, c)", constants={"c": scalar(400)}))
    codes = parsed(lowered(model)).operatorCodes
    number = schema.BuiltinOperator.MUL
    assert [entry.version for entry in codes if entry.builtinCode == number] == [3]


def test_int8_clipping_that_saturation_does_already_is_not_written() -> None:
    assert kinds(lowered(int8(CONVOLUTIONS["conv then relu6"]))) == [*Q, "CONV_2D", *Q]


def test_equal_constants_share_one_buffer() -> None:
    case = Case("s = Add(x, c) t = Relu(s) y = Add(t, d)",
                constants={"c": weights(1, 6, 1, 1), "d": weights(1, 6, 1, 1)})  # fmt: skip
    graph = parsed(lowered(case.model())).subgraphs[0]
    first, second = (graph.tensors[graph.operators[i].inputs[1]].buffer for i in (0, -1))
    assert first == second


def test_every_buffer_starts_at_a_multiple_of_16() -> None:
    data = lowered(DEEP.model())
    model = schema.Model.GetRootAs(data, 0)
    starts = []
    for index in range(model.BuffersLength()):
        buffer = model.Buffers(index)
        if not buffer.DataIsNone():
            starts.append(buffer._tab.Vector(buffer._tab.Offset(4)))
    assert len(starts) > 5
    assert {start % 16 for start in starts} == {0}


def test_the_same_network_gives_the_same_bytes() -> None:
    assert lowered(int8(DEEP)) == lowered(int8(DEEP))


def test_the_note_and_the_version_are_in_the_file() -> None:
    note = FileNote("m", "tflite-float", ImageContract("deblur", 1, "rgb", multiple=4), "1.2.3")
    model = parsed(lower(network_of(DEEP.model()), note))
    assert model.description == b"edge-imgq 1.2.3"
    assert [entry.name for entry in model.metadata] == [b"edge-imgq"]


def test_the_signature_is_from_image_to_image_out() -> None:
    runner = interpreter_of(lowered(DEEP.model())).get_signature_runner("serving_default")
    result = runner(image=IMAGE.transpose(0, 2, 3, 1))
    assert result["image_out"].shape == (1, 24, 20, 3)


def test_all_unsupported_operators_are_named_at_once_with_reason_and_node() -> None:
    case = Case(
        "a = Atan(x) b = Conv<pads=[1,1,1,1]>(a, w, b0) c = Sinh(b) "
        "d = DepthToSpace<blocksize=2, mode=\"CRD\">(c) y = Celu(d)",
        constants={"w": SMALL["w"], "b0": SMALL["b"]},
    )  # fmt: skip
    network = network_of(case.model())
    assert [refusal.kind for refusal in refusals(network)] == [
        "Atan", "Sinh", "DepthToSpace", "Celu",
    ]  # fmt: skip
    with pytest.raises(UnsupportedOperatorError) as caught:
        lower(network, NOTE)
    message = str(caught.value)
    for part in ("node_0_Atan", "node_2_Sinh", "write it with", "node_3_DepthToSpace", "permutes"):
        assert part in message


def test_an_int8_prelu_is_computed_in_float_within_one_partition() -> None:
    """XNNPACK has no int8 PRELU: one of them would cut the network in two."""
    case = Case("y = PRelu(x, a)", constants={"a": weights(6, 1, 1)})
    data = lowered(int8(case))
    assert kinds(data)[1:4] == ["DEQUANTIZE", "PRELU", "QUANTIZE"]
    placed = placement_of(interpreter_of(data))
    assert placed.partitions == 1
    assert set(placed.fallback) <= {"QUANTIZE"}


@pytest.mark.parametrize("count", [6, 9, 12])
def test_many_int8_tensors_are_joined_within_one_partition(count: int) -> None:
    """XNNPACK joins five at most."""
    parts = [f"p{place}" for place in range(count)]
    body = " ".join(f"{part} = Mul(x, f{place})" for place, part in enumerate(parts))
    case = Case(
        f"{body} y = Concat<axis=1>({', '.join(parts)})",
        constants={f"f{place}": np.float32(place / count) for place in range(count)},
    )
    model = quantized(case.model(), IMAGE)
    placed = placement_of(interpreter_of(lowered(model)))
    assert placed.partitions == 1
    assert set(placed.fallback) <= {"QUANTIZE"}
    wanted, got = levels_of_both(model, IMAGE)
    assert np.abs(wanted - got).max() <= 1
    assert (wanted == got).mean() > 0.97


def test_a_part_that_nothing_reads_needs_no_scale_of_its_own() -> None:
    case = Case("a, b = Split<axis=1, num_outputs=2>(x) y = Relu(a)")
    quantized_model = ir.to_proto(rewrite(ir.from_proto(int8(case)), []))
    data = lowered(quantized_model)
    wanted = np.rint(run_onnx(int8(case), IMAGE) / (2 / 127))
    got = from_file(run_litert(data, to_file(np.rint(IMAGE / (2 / 127)) + 128).astype(np.uint8)))
    assert np.abs(got.astype(int) - 128 - wanted).max() <= 1


def test_a_float_tensor_in_a_quantized_network_is_refused() -> None:
    model = int8(Case("t = LeakyRelu(x) y = Add(x, t)"))
    broken = onnx.ModelProto()
    broken.CopyFrom(model)
    add = next(node for node in broken.graph.node if node.op_type == "Add")
    leaky = next(node for node in broken.graph.node if node.op_type == "LeakyRelu")
    add.input[1] = leaky.output[0]
    for node in list(broken.graph.node):
        if node.op_type == "QuantizeLinear" and node.input[0] == leaky.output[0]:
            broken.graph.node.remove(node)
    for node in list(broken.graph.node):
        if node.op_type == "DequantizeLinear" and node.input[0].startswith(leaky.output[0]):
            broken.graph.node.remove(node)
    with pytest.raises(UnsupportedOperatorError, match="holds no float tensor"):
        lowered(broken)


@pytest.mark.parametrize(
    ("body", "constants", "reason"),
    [
        ('y = Pad<mode="edge">(x, n)', {"n": numbers(0, 0, 1, 1, 0, 0, 1, 1)}, "edge"),
        ("y = Pad(x, n)", {"n": numbers(0, 0, -1, 0, 0, 0, 0, 0)}, "negative"),
        ("y = MaxPool<kernel_shape=[2,2], dilations=[2,2]>(x)", {}, "dilation"),
        ("y = ReduceMean<keepdims=0>(x, a)", {"a": numbers(2)}, "spatial axis"),
        (
            'y = Resize<mode="linear", coordinate_transformation_mode="tf_crop_and_resize", '
            "extrapolation_value=1.0>(x, r, , n)",
            {"r": np.array([0, 0, -1, 0, 1, 1, 1, 1], np.float32), "n": numbers(1, 6, 14, 10)},
            "outside of the image",
        ),
        (
            'y = Resize<mode="linear", coordinate_transformation_mode="tf_crop_and_resize">'
            "(x, r, , n)",
            {"r": np.float32([0, 0, 0.25, 0, 1, 1, 0.75, 1]), "n": numbers(1, 6, 12, 10)},
            "a region to the size of the image",
        ),
    ],
)
def test_what_has_no_exact_form_is_refused(body: str, constants: dict, reason: str) -> None:
    with pytest.raises(UnsupportedOperatorError, match=reason):
        lowered(Case(body, constants=constants).model())
