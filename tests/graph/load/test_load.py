"""Models as teams bring them."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import onnxsim
import pytest
import torch
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from edge_imgq.errors import ModelError, UsageError
from edge_imgq.graph.load.load import normalise, parse_onnx, read_onnx
from edge_imgq.graph.load.opset import OPSET
from edge_imgq.graph.pixels import contract_of
from edge_imgq.graph.rewrite import rewrite
from edge_imgq.graph.shapes.size import bind_size, own_size
from tests.graph.build import kinds, proto_model, run, weights

GENERATOR = np.random.default_rng(4)
RELU = [helper.make_node("Relu", ["image"], ["out"])]


def conv_batchnorm() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["x"], kernel_shape=[3, 3], pads=[1] * 4),
        helper.make_node("BatchNormalization", ["x", "g", "b", "m", "v"], ["out"]),
    ]
    vectors = {name: weights(GENERATOR, 3) for name in "gbm"}
    return proto_model(
        nodes, {"w": weights(GENERATOR, 3, 3, 3, 3), **vectors, "v": np.ones(3, np.float32)}
    )


def test_batch_norm_is_folded_and_the_result_is_the_same() -> None:
    original = conv_batchnorm()
    model = normalise(original, "bn")
    image = GENERATOR.normal(size=(1, 3, 8, 8)).astype(np.float32)
    session = ReferenceEvaluator(original)
    assert kinds(model) == ["Conv"]
    np.testing.assert_allclose(run(model, image), session.run(None, {"image": image})[0], atol=1e-5)


def test_an_old_opset_is_raised() -> None:
    old = proto_model(RELU, {})
    del old.opset_import[:]
    old.opset_import.append(helper.make_opsetid("", 11))
    assert normalise(old, "old").opset_imports[""] == OPSET


def test_shape_arithmetic_folds_away_once_the_size_is_bound() -> None:
    nodes = [
        helper.make_node("Shape", ["image"], ["shape"]),
        helper.make_node("Reshape", ["image", "shape"], ["out"]),
    ]
    bound = bind_size(normalise(proto_model(nodes, {}), "shapes"), (6, 8))
    assert list(bound.graph.outputs[0].shape) == [1, 3, 6, 8]


def test_what_follows_from_a_shape_is_a_constant_once_the_size_is_bound() -> None:
    nodes = [
        helper.make_node("AveragePool", ["image"], ["small"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Shape", ["image"], ["sides"], start=2),
        helper.make_node("Gather", ["sides", "second"], ["width"]),
        helper.make_node("Gather", ["sides", "first"], ["height"]),
        helper.make_node("Add", ["height", "one"], ["taller"]),
        helper.make_node("Concat", ["two", "taller", "width"], ["sizes"], axis=0),
        helper.make_node("Resize", ["small", "", "", "sizes"], ["out"], mode="nearest"),
    ]
    constants = {
        "first": np.array([0]), "second": np.array([1]), "one": np.array([1]),
        "two": np.array([1, 3]),
    }  # fmt: skip
    model = rewrite(normalise(proto_model(nodes, constants), "shapes"), ["canonical"])
    bound = bind_size(model, (6, 8))
    assert kinds(bound) == ["AveragePool", "Resize"]
    assert list(bound.graph.outputs[0].shape) == [1, 3, 7, 8]
    image = GENERATOR.normal(size=(1, 3, 6, 8)).astype(np.float32)
    np.testing.assert_array_equal(run(bound, image), run(model, image))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused_by_name(bad: float) -> None:
    broken = conv_batchnorm()
    weight = broken.graph.initializer[0]
    array = onnx.numpy_helper.to_array(weight).copy()
    array[0, 0, 0, 0] = bad
    weight.CopyFrom(onnx.numpy_helper.from_array(array, weight.name))
    with pytest.raises(ModelError, match="NaN or infinity in the weight 'w'"):
        normalise(broken, "broken")


def test_two_outputs_are_kept_in_their_order() -> None:
    two = proto_model([*RELU, helper.make_node("Abs", ["image"], ["other"])], {})
    two.graph.output.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, None))
    names = [value.name for value in normalise(two, "two").graph.outputs]
    assert names == ["out", "other"]


def test_an_input_of_integers_is_refused_by_name() -> None:
    nodes = [
        helper.make_node("Cast", ["step"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["image", "real"], ["out"]),
    ]
    proto = proto_model(nodes, {})
    proto.graph.input.append(helper.make_tensor_value_info("step", TensorProto.INT64, ()))
    with pytest.raises(ModelError, match=r"'step' is of type INT64.*--bind step=NUMBER"):
        normalise(proto, "two")


@pytest.mark.parametrize("casts", [False, True])
@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_other_precisions_become_float32(kind: type, casts: bool) -> None:
    """Whole models, and models of float32 outside with casts at both ends."""
    element = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    conv = helper.make_node("Conv", ["image", "w"], ["out"], pads=[1] * 4)
    weight = weights(GENERATOR, 3, 3, 3, 3).astype(kind)
    proto = proto_model([conv], {"w": weight}, size=(6, 5))
    if casts:
        conv.input[0], conv.output[0] = "inner", "result"
        proto = proto_model(
            [helper.make_node("Cast", ["image"], ["inner"], to=element), conv,
             helper.make_node("Cast", ["result"], ["out"], to=TensorProto.FLOAT)],
            {"w": weight}, size=(6, 5),
        )  # fmt: skip
    else:
        for value in (proto.graph.input[0], proto.graph.output[0]):
            value.type.tensor_type.elem_type = element
    model = normalise(proto, "other")
    image = GENERATOR.normal(size=(1, 3, 6, 5)).astype(np.float32)
    given = image if casts else image.astype(kind)
    wanted = ReferenceEvaluator(proto).run(None, {"image": given})[0]
    assert kinds(rewrite(model, ["canonical"])) == ["Conv"]
    np.testing.assert_allclose(run(model, image), wanted, atol=0.02)


@pytest.mark.parametrize("opset", [7, 8, 9, 10])
def test_opsets_of_old_exporters_are_raised(opset: int) -> None:
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["x"], pads=[1] * 4),
        helper.make_node("Clip", ["x"], ["y"], min=0.0, max=6.0),
        helper.make_node("Pad", ["y"], ["z"], mode="reflect", pads=[0, 0, 1, 1, 0, 0, 1, 1]),
        helper.make_node("Dropout", ["z"], ["out"]),
    ]
    proto = proto_model(nodes, {"w": weights(GENERATOR, 3, 3, 3, 3)}, size=(6, 5))
    del proto.opset_import[:]
    proto.opset_import.append(helper.make_opsetid("", opset))
    constant = proto.graph.initializer[0]  # which IR version 3 lists among the inputs
    proto.graph.input.append(
        helper.make_tensor_value_info(constant.name, constant.data_type, constant.dims)
    )
    proto.ir_version = 3
    model = rewrite(normalise(proto, "old"), ["canonical"])
    image = GENERATOR.normal(size=(1, 3, 6, 5)).astype(np.float32)
    wanted = ReferenceEvaluator(proto).run(None, {"image": image})[0]
    np.testing.assert_allclose(run(model, image), wanted, atol=1e-5)
    assert kinds(model) == ["Conv", "Clip", "Pad"]


def test_weights_beside_the_file_are_read(tmp_path: Path) -> None:
    proto = conv_batchnorm()
    shape = helper.make_tensor_value_info("out", TensorProto.FLOAT, (1, 3, "h", "w"))
    proto.graph.output[0].CopyFrom(shape)
    path = tmp_path / "model.onnx"
    onnx.save(proto, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert kinds(normalise(read_onnx(path), "external")) == ["Conv"]
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(ModelError, match=r"weights\.bin"):
        read_onnx(path)


@pytest.mark.parametrize("contents", [b"", b"not a model", b"\x08\x0a\x12"])
def test_files_that_are_not_onnx_get_a_sentence(tmp_path: Path, contents: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(contents)
    with pytest.raises(ModelError, match=r"model\.onnx is not a whole, valid ONNX model"):
        read_onnx(path)


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("Erfc", r"Opset 15 of ONNX has no operator Erfc: .* \(Erfc is TensorFlow's exact GELU: "),
        ("Gelu", r"Opset 15 of ONNX has no operator Gelu: .* replace it in the network\.$"),
    ],
)
def test_an_operator_that_the_opset_lacks_is_named_with_what_to_do(
    tmp_path: Path, kind: str, advice: str
) -> None:
    """tf2onnx leaves Erfc of TensorFlow's exact GELU as it is; ONNX Runtime refuses it, too."""
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 15]> own (float[1,3,8,8] x) => (float[1,3,8,8] y) '
        f"{{ y = {kind}(x) }}"
    )
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(ModelError, match=advice):
        read_onnx(tmp_path / "m.onnx")
    with pytest.raises(ModelError, match=advice):
        parse_onnx(model.SerializeToString(), "m")


def test_an_output_without_a_shape_gets_the_one_that_follows(tmp_path: Path) -> None:
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> own (float[1,3,h,w] x) => (float[1,3,h,w] y) '
        "{ y = Relu(x) }"
    )
    model.graph.output[0].type.tensor_type.ClearField("shape")
    onnx.save(model, tmp_path / "m.onnx")
    lengths = read_onnx(tmp_path / "m.onnx").graph.output[0].type.tensor_type.shape.dim
    assert [length.dim_value or length.dim_param for length in lengths] == [1, 3, "h", "w"]


def test_lengths_of_minus_one_are_open_as_runtimes_take_them(tmp_path: Path) -> None:
    """Converters such as older ones of Paddle write them; ONNX Runtime runs any size."""
    model = proto_model(RELU, {})
    for axis in (0, 2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = -1
    onnx.save(model, tmp_path / "m.onnx")
    taken = normalise(read_onnx(tmp_path / "m.onnx"), "m")
    assert own_size(taken) is None
    image = GENERATOR.normal(size=(1, 3, 5, 7)).astype(np.float32)
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    given = session.run(None, {"image": image})[0]
    np.testing.assert_array_equal(run(bind_size(taken, (5, 7)), image), given)


def test_a_truncated_file_gets_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(conv_batchnorm().SerializeToString()[:-40])
    with pytest.raises(ModelError, match="not a whole, valid ONNX model"):
        read_onnx(path)


def test_a_missing_file_and_a_folder_get_sentences(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no model at"):
        read_onnx(tmp_path / "absent.onnx")
    with pytest.raises(UsageError, match="is a folder"):
        read_onnx(tmp_path)


def strided(padding: int) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["x"], kernel_shape=[3, 3], strides=[2, 2],
                         pads=[1, 1, padding, padding]),
        helper.make_node("DepthToSpace", ["x"], ["y"], blocksize=2),
        helper.make_node("Add", ["image", "y"], ["out"]),
    ]  # fmt: skip
    return proto_model(nodes, {"w": weights(GENERATOR, 12, 3, 3, 3)})


def test_the_contract_of_an_unknown_model_is_worked_out_from_its_shapes() -> None:
    up = [helper.make_node("DepthToSpace", ["x"], ["out"], blocksize=3)]
    conv = helper.make_node("Conv", ["image", "w"], ["x"], kernel_shape=[1, 1])
    model = normalise(proto_model([conv, *up], {"w": weights(GENERATOR, 9, 1, 1, 1)}, 1), "up")
    contract = contract_of(model, "up", None)
    assert (contract.scale, contract.colour, contract.multiple) == (3, "y", 1)
    assert contract.task == "super-resolution"


def test_the_multiple_that_strides_ask_for_is_found() -> None:
    contract = contract_of(normalise(strided(1), "strided"), "strided", 255.0)
    assert (contract.multiple, contract.scale, contract.peak) == (2, 1, 255.0)


def test_channels_that_no_photograph_has_are_refused() -> None:
    model = normalise(proto_model(RELU, {}, channels=5), "five")
    with pytest.raises(ModelError, match="'image' of 5 channels, and what a photograph becomes"):
        contract_of(model, "five", 1.0)


def test_a_fixed_size_is_kept_and_another_refused_where_a_node_holds_it() -> None:
    whole = [helper.make_node("AveragePool", ["image"], ["out"], kernel_shape=[32, 48])]
    model = normalise(proto_model(whole, {}, size=(32, 48)), "fixed")
    assert own_size(model) == (32, 48)
    with pytest.raises(ModelError, match=r"exported for 32x48 .* AveragePool '.*' holds that size"):
        bind_size(model, (64, 64))


def test_a_symbolic_batch_becomes_one_image() -> None:
    proto = proto_model(RELU, {})
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    bound = bind_size(normalise(proto, "batch"), (6, 8))
    assert tuple(bound.graph.outputs[0].shape.numpy()) == (1, 3, 6, 8)


def test_onnxsim_says_nothing_of_what_it_leaves_unfolded(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    class Rows(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            result = torch.zeros_like(image)
            result[:, :, ::2] = image[:, :, 1::2]
            return result

    path = tmp_path / "rows.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Rows(), (torch.rand(1, 3, 8, 8),), path, dynamo=False, opset_version=13,
            input_names=["image"],
        )  # fmt: skip
    capfd.readouterr()
    onnxsim.simplify(onnx.load(path))
    assert "WARNING: failed to run" in capfd.readouterr().err
    model = normalise(onnx.load(path), "rows")
    assert capfd.readouterr() == ("", "")
    image = GENERATOR.random((1, 3, 8, 8), np.float32)
    np.testing.assert_array_equal(run(model, image)[:, :, ::2], image[:, :, 1::2])
