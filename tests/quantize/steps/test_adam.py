"""The optimiser moves as torch's own does, without its compiler."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
import torch
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.quantize.quantize import quantize
from edge_imgq.quantize.steps.adam import Adam
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import model, weights
from tests.quantize.smooth_photo import photo

CONTRACT = ImageContract("image-to-image", 1, "rgb")


PLAIN = QuantizeRecipe("plain", "", "min-max", ())


def network() -> ir.Model:
    generator = np.random.default_rng(8)
    nodes = [
        helper.make_node("Conv", ["image", "w0"], ["a"], name="first", pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w1"], ["out"], name="second", pads=[1] * 4),
    ]
    constants = {
        "w0": weights(generator, 12, 3, 3, 3),
        "w1": 0.5 * np.abs(weights(generator, 3, 12, 3, 3)),
    }
    return model(nodes, constants)


def start() -> tuple[ir.Model, ir.Model]:
    original = network()
    return original, quantize(original, PLAIN, CONTRACT, [photo(seed) for seed in range(6)])


def test_fine_tuning_leaves_nothing_of_torch_s_compiler_behind() -> None:
    program = (
        "import sys, torch\n"
        "from edge_imgq.quantize.steps.adam import Adam\n"
        "import edge_imgq.quantize.steps.fine_tuning\n"
        "value = torch.zeros(3, requires_grad=True)\n"
        "Adam([value]).step([torch.ones(3)], 0.1)\n"
        "assert not {'torch._dynamo', 'torch._inductor'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_descent_moves_as_torch_s_own_class_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))  # the class leaves one
    start, generator = torch.randn(5), torch.Generator().manual_seed(0)
    ours, theirs = start.clone(), torch.nn.Parameter(start.clone())
    descent = Adam([ours], (0.9, 0.99))
    reference = torch.optim.Adam([theirs], lr=0.05, betas=(0.9, 0.99))
    for _ in range(7):
        theirs.grad = torch.randn(5, generator=generator)
        descent.step([theirs.grad], 0.05)
        reference.step()
    torch.testing.assert_close(ours, theirs.detach(), rtol=0, atol=0)
