"""Float files for the GPU delegate, run by LiteRT, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from ai_edge_litert import schema_py_generated as schema

from edge_imgq.errors import UnsupportedOperatorError
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.tflite.describe import describe
from edge_imgq.export.tflite.format import write_tflite
from edge_imgq.graph.prepared import prepared_graph
from edge_imgq.recipe.folders import export_recipes
from edge_imgq.runtime.fp16_overflow import refuse_tflite_overflow
from tests.export.tflite.witness import NOTE, Case, from_file, kinds, run_litert, run_onnx, to_file

RECIPE = next(recipe for recipe in export_recipes(Path("/nowhere")) if recipe.name == "tflite-gpu")
GENERATOR = np.random.default_rng(17)


def numbers(*shape):
    return GENERATOR.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32)


W, B, D = numbers(12, 3, 3, 3), numbers(12), numbers(12, 3, 4, 4)
CONVOLUTION = "a = Conv<pads=[1,1,1,1]>(x, w, b) "
DECONVOLUTION = CONVOLUTION + "y = ConvTranspose<strides=[2,2], pads=[1,1,1,1]>(a, d)"
SHUFFLE = CONVOLUTION + 'r = Relu(a) y = DepthToSpace<blocksize=2, mode="CRD">(r)'


def written(case: Case, folder: Path, passes: tuple[str, ...] = RECIPE.passes) -> bytes:
    """Return the file that the recipe tflite-gpu makes of a case, or one with other passes."""
    path = folder / "m.tflite"
    graph = prepared_graph(ir.from_proto(case.model()), passes)
    half = RECIPE.precision == "float16"
    write_tflite(graph, ExportSpec((case.shape[2:],), NOTE, RECIPE.processors[0], half), path)
    return path.read_bytes()


def rounded(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model whose constants are the nearest float16 numbers."""
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size > 1:
            half = values.astype(np.float16).astype(np.float32)
            tensor.CopyFrom(onnx.numpy_helper.from_array(half, tensor.name))
    return model


def agrees(case: Case, data: bytes) -> None:
    values = np.random.default_rng(2).random(case.shape, np.float32)
    wanted = run_onnx(rounded(case.model()), values)
    np.testing.assert_allclose(from_file(run_litert(data, to_file(values))), wanted, atol=1e-5)


def options_of(data: bytes, code: int) -> list:
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    codes = [entry.builtinCode for entry in model.operatorCodes]
    operators = model.subgraphs[0].operators
    return [
        (operator.builtinOptions, model.operatorCodes[operator.opcodeIndex].version)
        for operator in operators
        if codes[operator.opcodeIndex] == code
    ]


@pytest.mark.parametrize(("size", "padding"), [((8, 10), "SAME"), ((7, 10), "VALID")])
def test_a_transposed_convolution_says_same_only_where_the_delegate_counts_alike(
    size, padding, tmp_path
) -> None:
    case = Case(DECONVOLUTION, (1, 3, *size), {"w": W, "b": B, "d": D})
    data = written(case, tmp_path)
    ((options, version),) = options_of(data, schema.BuiltinOperator.TRANSPOSE_CONV)
    assert options.padding == getattr(schema.Padding, padding)
    assert version == 3
    assert ("SLICE" in kinds(data)) == (padding == "VALID")
    agrees(case, data)


def test_no_activation_is_fused_into_a_transposed_convolution(tmp_path) -> None:
    body = DECONVOLUTION.replace("y =", "z =") + " y = Relu(z)"
    case = Case(body, (1, 3, 8, 10), {"w": W, "b": B, "d": D})
    data = written(case, tmp_path)
    assert [kind for kind in kinds(data) if kind != "DEQUANTIZE"] == [
        "CONV_2D", "TRANSPOSE_CONV", "RELU"
    ]  # fmt: skip
    ((options, version),) = options_of(data, schema.BuiltinOperator.TRANSPOSE_CONV)
    assert (options.fusedActivationFunction, version) == (0, 3)
    agrees(case, data)


def test_what_pads_a_greatest_pixel_stays_in_float16(tmp_path) -> None:
    body = CONVOLUTION + "y = MaxPool<kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]>(a)"
    case = Case(body, (1, 3, 8, 10), {"w": W, "b": B - 20})
    data = written(case, tmp_path)
    assert "PADV2" in kinds(data)
    agrees(case, data)
    white = np.full((8, 10, 3), 255, np.uint8)
    refuse_tflite_overflow(tmp_path / "m.tflite", [white], peak=1.0)


@pytest.mark.parametrize("kernel", [2, 3])
@pytest.mark.parametrize("counts", [0, 1])
def test_a_mean_of_padded_pixels_is_no_pool(kernel: int, counts: int, tmp_path) -> None:
    sides = f"kernel_shape=[{kernel},{kernel}], pads=[1,1,1,1], count_include_pad={counts}"
    case = Case(CONVOLUTION + f"y = AveragePool<{sides}>(a)", (1, 3, 8, 10), {"w": W, "b": B})
    data = written(case, tmp_path)
    if kernel == 3 and not counts:  # what SAME says
        assert "AVERAGE_POOL_2D" in kinds(data)
        assert "PAD" not in kinds(data)
    else:
        assert "AVERAGE_POOL_2D" not in kinds(data)
        assert "DEPTHWISE_CONV_2D" in kinds(data)
    agrees(case, data)


PADDED = "p = Pad(a, sides, fill) "
BY_ONE = {"sides": np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64)}


@pytest.mark.parametrize(
    ("window", "fill", "apart"),
    [
        ("y = Conv(p, v)", 0.0, False),
        ("y = Conv(p, v)", 0.75, True),
        ("y = MaxPool<kernel_shape=[3,3]>(p)", 0.0, True),
        ("y = MaxPool<kernel_shape=[2,2], pads=[1,1,0,0]>(p)", 0.0, True),
        ("y = AveragePool<kernel_shape=[3,3]>(p)", 0.0, True),
        ("y = AveragePool<kernel_shape=[3,3]>(p)", 0.75, True),
    ],
)
def test_what_a_window_would_take_for_its_own_padding_stands_apart(
    window: str, fill: float, apart: bool, tmp_path
) -> None:
    constants = {"w": W, "b": B - 1, "v": numbers(3, 12, 3, 3), "fill": np.float32(fill)}
    case = Case(CONVOLUTION + PADDED + window, (1, 3, 8, 10), constants | BY_ONE)
    data = written(case, tmp_path)
    found = [kind for kind in kinds(data) if kind != "DEQUANTIZE"]
    pads = next(i for i, kind in enumerate(found) if kind.startswith("PAD"))
    assert (found[pads + 1] == "ADD") == apart
    assert found.count("ADD") == apart
    agrees(case, data)


@pytest.mark.parametrize(("group", "inputs"), [(6, 12), (4, 12), (3, 4)])
def test_groups_that_are_no_fours_are_written_whole(group: int, inputs: int, tmp_path) -> None:
    body = CONVOLUTION + f"y = Conv<pads=[1,1,1,1], group={group}>(a, g)"
    constants = {"w": W, "b": B, "g": numbers(12, 12 // group, 3, 3)}
    case = Case(body, (1, 3, 8, 10), constants)
    data = written(case, tmp_path)
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    tensors = model.subgraphs[0].tensors
    last = model.subgraphs[0].operators[-1]
    assert int(tensors[last.inputs[1]].shape[3]) == inputs
    agrees(case, data)


def test_the_halves_of_an_image_are_slices(tmp_path) -> None:
    body = CONVOLUTION + "p, q = Split<axis=1, num_outputs=2>(a) y = Sub(p, q)"
    case = Case(body, (1, 3, 8, 10), {"w": W, "b": B})
    data = written(case, tmp_path)
    assert "SPLIT" not in kinds(data)
    assert kinds(data).count("SLICE") == 2
    agrees(case, data)


def test_a_constant_that_is_joined_to_an_image_is_float32(tmp_path) -> None:
    body = CONVOLUTION + "y = Concat<axis=1>(a, map)"
    planes = np.random.default_rng(3).random((1, 2, 8, 10)).astype(np.float16).astype(np.float32)
    case = Case(body, (1, 3, 8, 10), {"w": W, "b": B, "map": planes})
    data = written(case, tmp_path)
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    tensors = model.subgraphs[0].tensors
    joined = tensors[model.subgraphs[0].operators[-1].inputs[1]]
    assert model.buffers[joined.buffer].data is not None  # read as it is, through no DEQUANTIZE
    assert joined.type == schema.TensorType.FLOAT32
    agrees(case, data)


@pytest.mark.parametrize("mode", ["CRD", "DCR"])
def test_a_pixel_shuffle_comes_out_without_depth_to_space(mode, tmp_path) -> None:
    case = Case(SHUFFLE.replace("CRD", mode), (1, 3, 8, 10), {"w": W, "b": B})
    data = written(case, tmp_path)
    assert "DEPTH_TO_SPACE" not in kinds(data)
    assert "TRANSPOSE_CONV" in kinds(data)
    agrees(case, data)


@pytest.mark.parametrize("body", [DECONVOLUTION, SHUFFLE])
def test_a_recipe_may_keep_the_pixel_shuffle(body, tmp_path) -> None:
    constants = {"w": W, "b": B} | ({"d": D} if body == DECONVOLUTION else {})
    case = Case(body, (1, 3, 8, 10), constants)
    data = written(case, tmp_path, ("canonical", "sub-pixel", "crd-to-dcr"))
    assert "DEPTH_TO_SPACE" in kinds(data)
    assert "TRANSPOSE_CONV" not in kinds(data)
    agrees(case, data)


@pytest.mark.parametrize("body", [DECONVOLUTION, SHUFFLE])
def test_a_recipe_may_do_without_transposed_convolutions(body, tmp_path) -> None:
    constants = {"w": W, "b": B} | ({"d": D} if body == DECONVOLUTION else {})
    case = Case(body, (1, 3, 8, 10), constants)
    data = written(case, tmp_path, (*RECIPE.passes, "zero-insertion"))
    assert {"RESIZE_NEAREST_NEIGHBOR", "MUL", "CONV_2D"} <= set(kinds(data))
    assert not {"TRANSPOSE_CONV", "DEPTH_TO_SPACE", "TILE"} & set(kinds(data))
    placements = describe(tmp_path / "m.tflite").placements
    (delegate,) = (one for one in placements if one.unit == "GPU delegate")
    assert delegate.refusals == ()
    agrees(case, data)


def test_doubling_is_a_resize_and_not_depth_to_space(tmp_path) -> None:
    body = 'y = Resize<mode="nearest", coordinate_transformation_mode="asymmetric", '
    case = Case(
        body + 'nearest_mode="floor">(x, , s)', (1, 3, 6, 8), {"s": np.float32([1, 1, 2, 2])}
    )
    data = written(case, tmp_path)
    assert kinds(data) == ["RESIZE_NEAREST_NEIGHBOR"]
    agrees(case, data)


def test_constants_are_float16_behind_dequantize_and_images_float32(tmp_path) -> None:
    case = Case(SHUFFLE, (1, 3, 8, 10), {"w": W, "b": B})
    model = schema.ModelT.InitFromPackedBuf(written(case, tmp_path), 0)
    graph = model.subgraphs[0]
    constants = [t for t in graph.tensors if model.buffers[t.buffer].data is not None]
    floats = {t.type for t in constants} - {schema.TensorType.INT32}
    assert floats == {schema.TensorType.FLOAT16}
    edges = [graph.tensors[i].type for i in (*graph.inputs, *graph.outputs)]
    assert edges == [schema.TensorType.FLOAT32] * 2


def test_a_constant_beyond_float16_is_refused_by_name(tmp_path) -> None:
    case = Case(SHUFFLE, (1, 3, 8, 10), {"w": W * 1e6, "b": B})
    with pytest.raises(UnsupportedOperatorError, match=r"'w' holds numbers beyond .* float16"):
        written(case, tmp_path)
