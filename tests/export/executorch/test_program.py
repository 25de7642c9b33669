"""Float and QDQ graphs as torch programs, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch

from tests.export.executorch.build import SHAPE, in_torch, noise, program_of
from tests.export.tflite.cases import weights
from tests.export.tflite.witness import EDGE, Case, quantized, run_onnx

LAYERS = "a = Conv<pads=[1,1,1,1]>(x, w, b) c = PRelu(a, s) d = Add(c, x)"
CONSTANTS = {"w": weights(6, 6, 3, 3), "b": weights(6), "s": weights(6, 1, 1)}


def qdq(body: str, **constants: np.ndarray) -> onnx.ModelProto:
    return quantized(Case(body, SHAPE, constants).model(), noise())


@pytest.mark.parametrize(
    "body",
    [
        f"{LAYERS} y = Sigmoid(d)",
        f'{LAYERS} e = DepthToSpace<blocksize=1, mode="CRD">(d) y = Relu(e)',
        "a = ConvTranspose<strides=[2,2], pads=[1,1,1,1]>(x, w, b) c = PRelu(a, s) y = Mul(c, c)",
    ],
)
def test_a_quantized_graph_has_the_integers_of_onnx_runtime(body: str) -> None:
    model = qdq(body, **CONSTANTS)
    off = np.abs(in_torch(model, noise()) - run_onnx(model, noise())) / EDGE.scale[0]
    assert off.max() <= 1.01
    assert np.mean(off > 0.01) < 0.01


def test_each_reader_has_a_dequantization_of_its_own() -> None:
    program = program_of(qdq("r = Relu(x) a = Sigmoid(r) b = Tanh(r) y = Add(a, b)"))
    recorded = torch.export.export(program, (torch.from_numpy(noise()),), strict=False)
    functions = ("aten.sigmoid.default", "aten.tanh.default")
    readers = [node for node in recorded.graph.nodes if str(node.target) in functions]
    sources = {reader.args[0] for reader in readers}
    assert len(readers) == len(sources) == 2
    assert all("dequantize_per_tensor" in str(source.target) for source in sources)


def test_a_quantized_depth_to_space_is_three_moves_with_integers_between() -> None:
    body = 'r = Conv(x, w) d = DepthToSpace<blocksize=2, mode="CRD">(r) y = Relu(d)'
    model = qdq(body, w=weights(8, 6, 1, 1))
    program = program_of(model)
    recorded = torch.export.export(program, (torch.from_numpy(noise()),), strict=False)
    kinds = [str(node.target) for node in recorded.graph.nodes if node.op == "call_function"]
    first, last = (kinds.index("aten.permute.default") + step for step in (-1, 1))
    assert "dequantize_per_tensor" in kinds[first]
    assert "quantize_per_tensor" in kinds[last]
    np.testing.assert_allclose(in_torch(model, noise()), run_onnx(model, noise()), atol=1e-5)


def test_weights_are_integers_with_a_scale_for_each_channel() -> None:
    program = program_of(qdq(f"{LAYERS} y = Relu(d)", **CONSTANTS))
    names = dict(program.named_buffers())
    integers = [
        name for name, value in names.items() if value.dtype == torch.int8 and value.ndim > 1
    ]
    assert integers
    for name in integers:
        assert f"{name}_scale" in names


def test_inputs_are_the_images_and_no_constant() -> None:
    program = program_of(Case(f"{LAYERS} y = Relu(d)", SHAPE, CONSTANTS).model())
    assert [value.name for value in program.images] == ["x"]
    assert all(isinstance(node, ir.Node) for node in program.nodes)
