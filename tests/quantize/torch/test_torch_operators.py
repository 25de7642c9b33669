"""Every operator's torch form against ONNX Runtime, and the set of them against the targets'."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir
import pytest
import torch

from edge_imgq.export.coreml.lowerings import LOWERINGS as COREML
from edge_imgq.export.coreml.mean_subtraction import CENTRED
from edge_imgq.export.coreml.norm_fp16_range import INVERSE_DEVIATION
from edge_imgq.export.coreml.rounded_statistics import ROUNDED
from edge_imgq.export.tflite.float_fallback import DEQUANTIZE
from edge_imgq.export.tflite.lowerings import LOWERINGS as TFLITE
from edge_imgq.graph.network import REQUANTIZE
from edge_imgq.graph.operators import QUANTIZING
from edge_imgq.quantize.torch.torch_graph import TorchGraph
from edge_imgq.quantize.torch.torch_operators import OPERATORS
from tests.export.choices import BODIES
from tests.export.choices import image as choice_image
from tests.export.choices import model as choice_model
from tests.export.tflite.witness import run_onnx
from tests.graph.build import parsed
from tests.quantize.torch.operator_cases import (
    CASES,
    SIZE,
    assert_torch_form,
    cases_of,
    network,
)

NOT_COVERED: Mapping[str, str] = {
    DEQUANTIZE: "a step in a file, where integers become real numbers: values are real in torch",
    REQUANTIZE: "stands for a pair of quantizers, which the graph itself runs",
    CENTRED: "a form of Core ML's writer for Sub, in no graph",
    INVERSE_DEVIATION: "a form of Core ML's writer for Pow and its neighbours, in no graph",
    ROUNDED: "a form of Core ML's writer for Round and its neighbours, in no graph",
}
"""What targets lower that is no node of an ONNX graph, and what it stands for."""


@pytest.mark.parametrize("name", cases_of("torch_operators"))
def test_an_operator_computes_what_onnx_runtime_does(name: str) -> None:
    assert_torch_form(name)


def test_every_operator_has_a_case() -> None:
    chosen = {name.split(",")[0] for name in BODIES if name.split(" ")[0].strip(",") == name}
    assert {name.split(",")[0] for name in CASES} | chosen == set(OPERATORS)


@pytest.mark.parametrize("name", BODIES)
def test_a_choice_is_that_of_onnx_runtime_and_has_a_slope_everywhere(name: str) -> None:
    proto, values = choice_model(BODIES[name]), choice_image()
    source = torch.from_numpy(values).requires_grad_()
    found = TorchGraph(ir.from_proto(proto))(source)
    np.testing.assert_allclose(
        found.detach().numpy(), run_onnx(proto, values), rtol=1e-5, atol=1e-6
    )
    (slope,) = torch.autograd.grad(found.sum(), source, allow_unused=True, materialize_grads=True)
    assert torch.isfinite(slope).all()


def test_what_a_target_lowers_has_a_torch_form() -> None:
    lowered = set(TFLITE) | set(COREML)
    assert lowered - set(OPERATORS) - set(QUANTIZING) == set(NOT_COVERED) - set(QUANTIZING)


@pytest.mark.parametrize("name", ["Round", "Resize, to a size", "Pad, mirrored", "Tile", "Sin"])
def test_an_image_has_a_gradient(name: str) -> None:
    image = torch.rand(1, 6, *SIZE, requires_grad=True)
    TorchGraph(network(name))(image).sum().backward()
    assert image.grad is not None
    assert float(image.grad.abs().sum()) > 0


def test_the_gradient_of_rounding_is_that_of_its_input() -> None:
    image = torch.rand(1, 6, *SIZE, requires_grad=True)
    TorchGraph(parsed("out = Round(image)", {}, "9,11"))(image).sum().backward()
    assert image.grad is not None
    assert torch.equal(image.grad, torch.ones_like(image))


@pytest.mark.parametrize("name", ["ReduceL1", "ReduceL2"])
def test_the_gradient_of_a_norm_is_zero_where_its_input_is(name: str) -> None:
    image = torch.zeros(1, 6, *SIZE, requires_grad=True)
    TorchGraph(parsed(f"out = {name}(image)", {}, "9,11"))(image).sum().backward()
    assert image.grad is not None
    assert torch.equal(image.grad, torch.zeros_like(image))
