"""The evaluator against torch, on programs that coremltools' torch front end wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from edge_imgq.errors import ModelError, NonFiniteOutputError
from edge_imgq.runtime.mil.evaluate import Evaluator
from edge_imgq.runtime.mil.package import open_package
from edge_imgq.runtime.mil.program import Program, read_program
from tests.runtime.mil.build import SEED, Apply, convert, evaluate


def test_float16_is_rounded_after_each_operator_to_the_last_bit(tmp_path: Path) -> None:
    torch.manual_seed(SEED)
    first, second = nn.Conv2d(8, 8, 3, bias=False), nn.Conv2d(8, 4, 1, bias=False)
    x = torch.randn(1, 8, 12, 16)
    path = convert(nn.Sequential(first, second), x, tmp_path / "m.mlpackage", "FLOAT16")
    with torch.no_grad():
        half = [layer.weight.half().float() for layer in (first, second)]
        between = F.conv2d(x.half().float(), half[0]).half().float()
        rounded = F.conv2d(between, half[1]).half().numpy()
        carried = F.conv2d(F.conv2d(x.half().float(), half[0]), half[1]).half().numpy()
    result = evaluate(path, x)
    same = float((result == rounded).mean())
    assert same > 0.995, f"seed {SEED}: only {same:.4f} of the values agree"
    assert (result == carried).mean() < 0.9, "the value between the layers was not rounded"


def test_without_rounding_a_float16_program_keeps_what_float32_holds(tmp_path: Path) -> None:
    torch.manual_seed(SEED)
    layer, x = nn.Conv2d(8, 8, 3, bias=False), torch.randn(1, 8, 12, 16)
    layer.weight.data = layer.weight.data.half().float()
    path = convert(nn.Sequential(layer, nn.Tanh()), x, tmp_path / "m.mlpackage", "FLOAT16")
    with torch.no_grad():
        expected = layer(x).tanh().numpy()
    (result,) = Evaluator(read_program(open_package(path)), False).run({"x": x.numpy()}).values()
    np.testing.assert_allclose(result, expected, atol=1e-6)
    assert np.abs(evaluate(path, x) - expected).max() > 1e-5, "float16 made no difference"


def test_a_program_runs_at_another_size_where_its_operators_allow(tmp_path: Path) -> None:
    torch.manual_seed(SEED)
    module = nn.Sequential(
        nn.Conv2d(8, 8, 3, padding=1), nn.ConvTranspose2d(8, 1, 9, 2, 4, output_padding=1)
    ).eval()
    path = convert(module, torch.randn(1, 8, 12, 16), tmp_path / "m.mlpackage")
    larger = torch.randn(1, 8, 20, 9)
    evaluator = Evaluator(read_program(open_package(path)))
    with torch.no_grad():
        expected = module(larger).numpy()
    assert list((evaluator.shapes({"x": larger.shape}) or {}).values()) == [expected.shape]
    np.testing.assert_allclose(evaluate(path, larger), expected, atol=1e-5)


def test_a_baked_shape_is_seen_before_anything_runs(tmp_path: Path) -> None:
    module = Apply(lambda x: x.reshape(1, 8, 192))
    path = convert(module, torch.randn(1, 8, 12, 16), tmp_path / "m.mlpackage")
    evaluator = Evaluator(read_program(open_package(path)))
    assert evaluator.shapes({"x": (1, 8, 12, 16)}) is not None
    assert evaluator.shapes({"x": (1, 8, 24, 32)}) is None


def test_a_value_beyond_float16_is_named(tmp_path: Path) -> None:
    module = nn.Conv2d(8, 4, 1)
    nn.init.constant_(module.weight, 2.0)
    x = torch.full((1, 8, 4, 4), 60000.0)
    path = convert(module, x, tmp_path / "m.mlpackage", "FLOAT16")
    with pytest.raises(NonFiniteOutputError, match=r"conv.*float16"):
        evaluate(path, x)


def test_an_operator_nobody_wrote_is_named(tmp_path: Path) -> None:
    module = Apply(lambda x: x.cumsum(1))
    path = convert(module, torch.randn(1, 8, 4, 4), tmp_path / "m.mlpackage")
    program = read_program(open_package(path))
    assert isinstance(program, Program)
    with pytest.raises(ModelError, match="does not know cumsum"):
        Evaluator(program)
