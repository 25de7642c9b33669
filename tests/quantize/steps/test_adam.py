"""The optimiser moves as torch's own does, without its compiler."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from edge_imgq.quantize.steps.adam import Adam


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
