"""Operators of ONNX Runtime's optimiser, read as ONNX's own: ONNX Runtime runs both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from edge_imgq.errors import ModelError
from edge_imgq.graph.load.load import normalise, read_onnx
from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import run

SEED = 4
GENERATOR = np.random.default_rng(SEED)
IMAGE = GENERATOR.normal(size=(1, 3, 8, 12)).astype(np.float32)
WEIGHTS: dict[str, Any] = {
    "w": GENERATOR.normal(0, 0.3, (3, 3, 3, 3)).astype(np.float32),
    "b": GENERATOR.normal(0, 0.3, 3).astype(np.float32),
    "m": GENERATOR.normal(0, 0.3, (12, 12)).astype(np.float32),
    "t": GENERATOR.normal(0, 0.3, (8, 8)).astype(np.float32),
    "v": GENERATOR.normal(0, 0.3, 12).astype(np.float32),
    "two": np.array([24, 12]),
    "four": np.array([1, 3, 8, 12]),
}
CONV = "com.microsoft.FusedConv<pads=[1,1,1,1]"
BODIES = {
    "relu": f'y = {CONV}, activation="Relu">(x, w, b)',
    "leaky": f'y = {CONV}, activation="LeakyRelu", activation_params=[0.3]>(x, w, b)',
    "clip": f'y = {CONV}, activation="Clip", activation_params=[-0.2, 0.4]>(x, w, b)',
    "hard sigmoid": f'y = {CONV}, activation="HardSigmoid", activation_params=[0.3, 0.4]>(x, w, b)',
    "without a bias": f'y = {CONV}, activation="Tanh">(x, w)',
    "added to another": f'y = {CONV}, activation="Relu">(x, w, b, x)',
    "scaled product": "y = com.microsoft.FusedMatMul<alpha=0.25>(x, m)",
    "right side turned": "y = com.microsoft.FusedMatMul<transB=1>(x, m)",
    "left side turned": """q = com.microsoft.FusedMatMul<transA=1, alpha=2.0>(x, t)
        y = Transpose<perm=[0,1,3,2]>(q)""",
    "dense layer": """r = Reshape(x, two)
        g = com.microsoft.FusedGemm<activation="LeakyRelu", activation_alpha=0.2, alpha=0.5,
            transB=1>(r, m, v)
        y = Reshape(g, four)""",
    "bias and gelu": "y = com.microsoft.BiasGelu(x, v)",
    "gelu": "y = com.microsoft.Gelu(x)",
    "fast gelu": "y = com.microsoft.FastGelu(x)",
    "fast gelu with a bias": "y = com.microsoft.FastGelu(x, v)",
    "quick gelu": "y = com.microsoft.QuickGelu<alpha=1.5>(x)",
}


def parsed_model(body: str) -> onnx.ModelProto:
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 14, "com.microsoft" : 1]>\n'
        f"m (float[1,3,8,12] x) => (float[1,3,8,12] y) {{ {body} }}"
    )
    model.graph.initializer.extend(
        onnx.numpy_helper.from_array(values, name) for name, values in WEIGHTS.items()
    )
    return model


def by_runtime(model: onnx.ModelProto) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, {"x": IMAGE})[
        0
    ]


@pytest.mark.parametrize("name", BODIES)
def test_a_fused_operator_is_read(name: str) -> None:
    model = parsed_model(BODIES[name])
    model.graph.input[0].name = "x"
    wanted = by_runtime(model)
    read = rewrite(normalise(model, "m.onnx"), ["canonical"])
    read.graph.inputs[0].name = "image"
    assert not {node.domain for node in read.graph} - {""}
    assert "Einsum" not in {node.op_type for node in read.graph}
    np.testing.assert_allclose(run(read, IMAGE), wanted, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("level", ["ORT_ENABLE_EXTENDED", "ORT_ENABLE_BASIC"])
def test_a_file_that_the_optimiser_saved_is_read(level: str, tmp_path: Path) -> None:
    plain = parsed_model(
        """c = Conv<pads=[1,1,1,1]>(x, w, b) l = LeakyRelu<alpha=0.1>(c)
        d = Conv<pads=[1,1,1,1]>(l, w) r = Relu(d) p = MatMul(r, m) y = Sigmoid(p)"""
    )
    options, path = onnxruntime.SessionOptions(), tmp_path / "optimised.onnx"
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.optimized_model_filepath = str(path)
    wanted = onnxruntime.InferenceSession(plain.SerializeToString(), options).run(
        None, {"x": IMAGE}
    )
    fused = "FusedConv" in {node.op_type for node in onnx.load(path).graph.node}
    assert fused == (level == "ORT_ENABLE_EXTENDED")
    read = normalise(read_onnx(path), "optimised.onnx")
    read.graph.inputs[0].name = "image"
    np.testing.assert_allclose(run(read, IMAGE), wanted[0], atol=1e-6)


def test_what_else_the_optimiser_writes_is_refused_by_where_it_comes_from() -> None:
    model = parsed_model("y = com.microsoft.BiasAdd(x, v, x)")
    with pytest.raises(ModelError, match=r"BiasAdd 'y'.*optimized_model_filepath.*from before"):
        normalise(model, "m.onnx")


def test_integer_operators_of_the_runtime_count_as_quantized() -> None:
    model = parsed_model("y = com.microsoft.QLinearSigmoid(x, v, v, v, v)")
    with pytest.raises(ModelError, match="is quantized already: it holds QLinearSigmoid 'y'"):
        normalise(model, "m.onnx")
