"""Files for ONNX Runtime: unsigned bytes, fused by it, and the same numbers as the QDQ graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import TensorProto

from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.onnx_format import write_onnx, write_reference
from edge_imgq.graph.prepared import PreparedGraph
from edge_imgq.quantize.quantize import quantize
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.runtime.onnxruntime import open_session
from tests.graph.build import parsed

SIDES = (24, 32)
CHANNELS = 8
CONTRACT = ImageContract("image-to-image", 1, "rgb")
NOTE = FileNote("net", "onnx-int8", CONTRACT, "0.0", "reference", "quantized")
EIGHT_BITS = (TensorProto.INT8, TensorProto.UINT8)

GRAPHS = {
    "convolutions": """
        a = Conv<pads=[1,1,1,1]>(image, first, one)
        b = Relu(a)
        c = Conv<pads=[1,1,1,1], group=8>(b, each, one)
        d = Relu(c)
        s = Add(b, d)
        out = Conv<pads=[1,1,1,1]>(s, last, three)
    """,
    "a gate": """
        a = Conv<pads=[1,1,1,1]>(image, first, one)
        b = Relu(a)
        m = GlobalAveragePool(b)
        n = Conv(m, mixed, one)
        g = Sigmoid(n)
        w = Mul(b, g)
        out = Conv<pads=[1,1,1,1]>(w, last, three)
    """,
    "a deconvolution": """
        a = Conv<pads=[1,1,1,1], strides=[2,2]>(image, first, one)
        b = LeakyRelu<alpha=0.25>(a)
        out = ConvTranspose<strides=[2,2]>(b, larger, three)
    """,
    "a product of matrices": """
        a = Conv<pads=[1,1,1,1]>(image, first, one)
        b = Relu(a)
        t = Transpose<perm=[0,2,3,1]>(b)
        p = MatMul(t, matrix)
        u = Transpose<perm=[0,3,1,2]>(p)
        out = Conv<pads=[1,1,1,1]>(u, last, three)
    """,
}


def graph(name: str) -> ir.Model:
    random = np.random.default_rng(1)

    def weights(*shape: int) -> Any:
        return random.normal(0, 0.3, shape).astype(np.float32)

    constants = {
        "first": weights(CHANNELS, 3, 3, 3),
        "each": weights(CHANNELS, 1, 3, 3),
        "mixed": weights(CHANNELS, CHANNELS, 1, 1),
        "larger": weights(CHANNELS, 3, 2, 2),
        "matrix": weights(CHANNELS, CHANNELS),
        "last": weights(3, CHANNELS, 3, 3),
        "one": weights(CHANNELS),
        "three": weights(3),
    }
    body = GRAPHS[name]
    used = {key: value for key, value in constants.items() if f" {key}" in body}
    return parsed(body.strip(), used, "h,w", 3)


def photographs() -> list[Any]:
    random = np.random.default_rng(2)
    return [random.integers(0, 256, (*SIDES, 3), dtype=np.uint8) for _ in range(2)]


def quantized(name: str) -> ir.Model:
    recipe = QuantizeRecipe("int8", "", "min-max", ("canonical",))
    return quantize(graph(name), recipe, CONTRACT, iter(photographs()))


@pytest.fixture(params=GRAPHS)
def files(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """The integer reference of a network, and the file for apps that was made of it."""
    model = quantized(request.param)
    reference, file = tmp_path / "reference.onnx", tmp_path / "onnx-int8.onnx"
    write_reference(model, FileNote("net", "int8", CONTRACT, "0.0", "reference"), reference)
    write_onnx(PreparedGraph(model), ExportSpec((), NOTE), file)
    return reference, file


def unfused(path: Path, image: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options)
    return session.run(None, {session.get_inputs()[0].name: image})[0]


def stored(model: onnx.ModelProto) -> set[int]:
    """Return the 8-bit types of all constants of a model."""
    return {tensor.data_type for tensor in model.graph.initializer} & set(EIGHT_BITS)


def test_every_byte_is_unsigned_and_nothing_else_changes(files: tuple[Path, Path]) -> None:
    reference, file = files
    assert stored(onnx.load(reference)) == {TensorProto.INT8}
    assert stored(onnx.load(file)) == {TensorProto.UINT8}
    onnx.checker.check_model(onnx.load(file), full_check=True)
    image = (photographs()[0].astype(np.float32) / 255).transpose(2, 0, 1)[np.newaxis]
    np.testing.assert_array_equal(unfused(file, image), unfused(reference, image))


def test_onnx_runtime_fuses_convolutions_with_unsigned_weights(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    # Its kernels for signed weights saturate on x86 without VNNI; those for unsigned ones do not.
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    onnxruntime.InferenceSession(files[1], options)
    model = onnx.load(tmp_path / "optimised.onnx")
    types = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    fused = [node for node in model.graph.node if node.op_type == "QLinearConv"]
    assert fused
    assert {types[node.input[3]] for node in fused} == {TensorProto.UINT8}
    assert TensorProto.INT8 not in types.values()


def test_a_default_session_returns_what_the_integer_reference_returns(
    files: tuple[Path, Path],
) -> None:
    reference, file = (open_session(path) for path in files)
    for pixels in (*photographs(), np.full((*SIDES, 3), 255, np.uint8)):
        off = np.abs(file.run(pixels).astype(int) - reference.run(pixels).astype(int))
        assert off.max() <= 1
        assert (off == 0).mean() >= 0.99
