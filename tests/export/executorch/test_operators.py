"""Operators in the torch forms that ExecuTorch's exporter recognises, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
import torch

from edge_imgq.export.executorch.operators import LOWERINGS, depth_to_space_moves
from tests.export.executorch.build import assert_as_onnx_runtime, noise, program_of
from tests.export.tflite.cases import scalar
from tests.export.tflite.witness import Case, run_onnx

LOW, HIGH = scalar(-0.4), scalar(0.7)


def longs(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


CASES = {
    "PRelu": ("y = PRelu(x, s)", {"s": noise(6, 1, 1)}),
    "PRelu, one slope": ("y = PRelu(x, s)", {"s": noise(1)}),
    "Clip": ("y = Clip(x, l, h)", {"l": LOW, "h": HIGH}),
    "Clip, from below": ("y = Clip(x, l)", {"l": LOW}),
    "Clip, from above": ('y = Clip(x, "", h)', {"h": HIGH}),
    "Clip, without bounds": ("y = Clip(x)", {}),
    "Pow": ("a = Abs(x) y = Pow(a, e)", {"e": scalar(1.7)}),
    "Pow, whole": ("y = Pow(x, e)", {"e": scalar(3.0)}),
    "Pow, square root": ("a = Abs(x) y = Pow(a, e)", {"e": scalar(0.5)}),
    "Pow, inverse square root": ("a = Abs(x) y = Pow(a, e)", {"e": scalar(-0.5)}),
    "Pow, an exponent per channel": ("a = Abs(x) y = Pow(a, e)", {"e": noise(6, 1, 1)}),
    "Pow, an exponent computed": ("a = Abs(x) y = Pow(a, x)", {}),
    "Split": ("a, y = Split<axis=1>(x, n)", {"n": longs(2, 4)}),
    "Split, in equal parts": ("a, y, b = Split<axis=-3, num_outputs=3>(x)", {}),
    "Split, of the first axis": ("y = Split<num_outputs=1>(x)", {}),
    "ReduceMean": ("y = ReduceMean(x, n)", {"n": longs(2, 3)}),
    "ReduceMean, axes left out": ("y = ReduceMean<keepdims=0>(x, n)", {"n": longs(-1, 1)}),
    "ReduceMean, of all": ("y = ReduceMean(x)", {}),
    "Round": ("t = Mul(x, two) y = Round(t)", {"two": scalar(2.0)}),
    "Squeeze": ("y = Squeeze(x, n)", {"n": longs(0)}),
    "Unsqueeze": ("y = Unsqueeze(x, n)", {"n": longs(0, -1)}),
}


@pytest.mark.parametrize("name", CASES)
def test_an_operator_computes_what_onnx_runtime_does(name: str) -> None:
    body, constants = CASES[name]
    assert_as_onnx_runtime(body, **constants)


TAKEN_OPERATORS = {
    "Clip": "hardtanh",
    "Clip, from below": "clamp",
    "PRelu": "prelu",
    "Pow, whole": "pow.Tensor_Scalar",
    "Pow, square root": "sqrt",
    "Pow, inverse square root": "rsqrt",
    "Split": "narrow",
    "ReduceMean, axes left out": "reshape",
}
"""What XNNPACK takes, of operators that training computes in another way."""


@pytest.mark.parametrize("name", TAKEN_OPERATORS)
def test_an_operator_is_what_xnnpack_takes(name: str) -> None:
    body, constants = CASES[name]
    program = program_of(Case(body, noise().shape, constants).model())
    recorded = torch.export.export(program, (torch.from_numpy(noise()),), strict=False)
    targets = [str(node.target) for node in recorded.graph.nodes if node.op == "call_function"]
    assert any(target.startswith(f"aten.{TAKEN_OPERATORS[name]}") for target in targets), targets


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_three_moves_are_a_depth_to_space(mode: str) -> None:
    image = noise(1, 8, 3, 5)
    model = Case(f'y = DepthToSpace<blocksize=2, mode="{mode}">(x)', image.shape).model()
    result = torch.from_numpy(image)
    for move in depth_to_space_moves(ir.from_proto(model).graph[0], image.shape):
        result = move(result)
    assert np.array_equal(result.numpy(), run_onnx(model, image))


def test_all_of_training_can_be_exported() -> None:
    from edge_imgq.quantize.torch.torch_operators import OPERATORS

    assert OPERATORS.keys() <= LOWERINGS.keys()
