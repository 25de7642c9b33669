"""Programs that coremltools' torch front end writes, and what the evaluator makes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edge_imgq.runtime.mil.evaluate import Evaluator
from edge_imgq.runtime.mil.package import open_package
from edge_imgq.runtime.mil.program import NamedValueType, Program, Statement, read_program
from edge_imgq.runtime.mil.silence import coremltools, silenced

SEED = 20


class Apply(nn.Module):
    """A function as a module, so that it can be traced."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def convert(module: nn.Module, x: Tensor, path: Path, precision: str = "FLOAT32") -> Path:
    """Save a module as a package with coremltools' torch front end, all its passes on."""
    ct = coremltools()
    with silenced():
        traced = torch.jit.trace(module.eval(), x)
        ct.convert(
            traced,
            inputs=[ct.TensorType("x", shape=tuple(x.shape), dtype=np.float32)],
            minimum_deployment_target=ct.target.iOS17,
            compute_precision=getattr(ct.precision, precision),
            skip_model_load=True,
            package_dir=str(path),
        )
    return path


def evaluate(path: Path, x: Tensor) -> np.ndarray:
    (result,) = Evaluator(read_program(open_package(path))).run({"x": x.numpy()}).values()
    return result


def tried(build: Callable[[], nn.Module]) -> tuple[nn.Module, Tensor, np.ndarray]:
    """Return a module, an image of noise, and what torch makes of it."""
    torch.manual_seed(SEED)
    module, x = build().eval(), torch.randn(1, 8, 12, 16)
    with torch.no_grad():
        return module, x, module(x).numpy()


def assert_float32(build: Callable[[], nn.Module], folder: Path) -> None:
    """Assert that a float32 program computes what torch does."""
    module, x, wanted = tried(build)
    result = evaluate(convert(module, x, folder / "m.mlpackage"), x)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, wanted, rtol=1e-5, atol=1e-5)


def assert_float16(build: Callable[[], nn.Module], folder: Path) -> None:
    """Assert that a float16 program differs from torch by its rounding at most."""
    module, x, wanted = tried(build)
    result = evaluate(convert(module, x, folder / "m.mlpackage", "FLOAT16"), x)
    # Input, weights and result are each rounded to 11 bits, a few steps in the longer programs.
    scale = max(1.0, float(np.abs(wanted).max()))
    np.testing.assert_allclose(result.astype(np.float32), wanted, rtol=0, atol=3 * 2.0**-11 * scale)


def computed(kind: str, results: int = 1, dtype: str = "float32", **inputs: Any) -> np.ndarray:
    """Return the last result of one operator, for forms that coremltools' front end never writes.

    Args:
        kind: the MIL operator.
        results: how many it has.
        dtype: element type of each.
        inputs: its parameters by name, texts or what NumPy takes for an array.
    """
    constants = {k: v if isinstance(v, str) else np.asarray(v) for k, v in inputs.items()}
    declared = tuple(NamedValueType(f"result{i}", (), dtype) for i in range(results))
    statement = Statement(kind, kind, {name: (name,) for name in inputs}, declared)
    program = Program((), (declared[-1].name,), constants, (statement,))
    (result,) = Evaluator(program).run({}).values()
    return result
