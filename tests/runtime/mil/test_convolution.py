"""Convolutions and matrix products, against torch and NumPy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from edge_imgq.runtime.mil.evaluate import Evaluator
from edge_imgq.runtime.mil.program import NamedValueType, Program, Statement
from tests.runtime.mil.build import Apply, assert_float16, assert_float32, computed

MODULES: dict[str, Callable[[], nn.Module]] = {
    "conv": lambda: nn.Conv2d(8, 6, 3, padding=1),
    "conv without bias": lambda: nn.Conv2d(8, 6, 1, bias=False),
    "strided conv": lambda: nn.Conv2d(8, 6, 5, stride=(2, 3), padding=(1, 2)),
    "dilated conv": lambda: nn.Conv2d(8, 6, 3, dilation=(2, 1), padding=(2, 1)),
    "grouped conv": lambda: nn.Conv2d(8, 12, 3, groups=4),
    "depthwise conv": lambda: nn.Conv2d(8, 8, 3, groups=8, padding=1),
    "conv padded by reflection": lambda: nn.Conv2d(8, 6, 3, padding=1, padding_mode="reflect"),
    "conv transpose": lambda: nn.ConvTranspose2d(8, 6, 4, stride=2, padding=1),
    "conv transpose of FSRCNN": lambda: nn.ConvTranspose2d(8, 1, 9, 2, 4, output_padding=1),
    "conv transpose, uneven": lambda: nn.ConvTranspose2d(8, 3, (3, 5), (2, 3), (1, 0)),
    "grouped conv transpose": lambda: nn.ConvTranspose2d(8, 6, 3, stride=2, groups=2),
    "conv on one axis": lambda: nn.Sequential(nn.Flatten(0, 1), nn.Conv1d(12, 6, 3, 2, 1)),
    "conv on three axes": lambda: nn.Sequential(nn.Unflatten(1, (1, 8)), nn.Conv3d(1, 4, 3)),
    "conv transpose on one axis": lambda: nn.Sequential(
        nn.Flatten(0, 1), nn.ConvTranspose1d(12, 6, 4, 2, 1)
    ),
    "dilated conv transpose": lambda: nn.ConvTranspose2d(8, 3, 3, 2, dilation=(2, 3)),
    "linear": lambda: nn.Linear(16, 5),
    "matrix product": lambda: Apply(lambda x: x @ x.transpose(-1, -2)),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_float32_program_computes_what_torch_computes(name: str, tmp_path: Path) -> None:
    assert_float32(MODULES[name], tmp_path)


@pytest.mark.parametrize("name", MODULES)
def test_a_float16_program_stays_within_its_rounding_of_torch(name: str, tmp_path: Path) -> None:
    assert_float16(MODULES[name], tmp_path)


def test_a_transposed_convolution_has_the_shape_that_is_asked_for() -> None:
    x = torch.randn(1, 8, 5, 6, generator=torch.Generator().manual_seed(3))
    layer = nn.ConvTranspose2d(8, 3, 3, (2, 3), 1, output_padding=1).requires_grad_(False)
    pads = {"pad_type": "custom", "pad": [1, 1, 1, 1]}
    wanted = layer(x).numpy()
    parameters = {"weight": layer.weight.numpy(), "bias": layer.bias.numpy(), "strides": [2, 3]}
    result = transposed(x, output_shape=wanted.shape, **parameters, **pads)
    np.testing.assert_allclose(result, wanted, atol=1e-5)
    natural = transposed(x, **parameters, **pads)
    np.testing.assert_allclose(natural, wanted[:, :, :-1, :-1], atol=1e-5)


@pytest.mark.parametrize("grown", [(1, 0), (0, 2), (1, 2)])
def test_what_is_added_beyond_a_transposed_convolution_is_the_bias(grown: tuple[int, int]) -> None:
    """torch, and coremltools' conversion, which convolves zeros there, are the witnesses."""
    x = torch.randn(1, 8, 5, 6, generator=torch.Generator().manual_seed(3))
    layer = nn.ConvTranspose2d(8, 3, 3, (2, 3), output_padding=grown).requires_grad_(False)
    wanted = layer(x).numpy()
    weights = {"weight": layer.weight.numpy(), "strides": [2, 3]}
    given = transposed(x, output_shape=wanted.shape, bias=layer.bias.numpy(), **weights)
    np.testing.assert_allclose(given, wanted, atol=1e-5)
    plain = transposed(x, output_shape=wanted.shape, **weights)
    without = wanted - layer.bias.numpy().reshape(1, -1, 1, 1)
    np.testing.assert_allclose(plain, without, atol=1e-5)


def transposed(x: torch.Tensor, **parameters: Any) -> np.ndarray:
    """Return a transposed convolution of an input of the declared shape of `x`."""
    given = NamedValueType("x", tuple(x.shape), "float32")
    constants = {k: v if isinstance(v, str) else np.asarray(v) for k, v in parameters.items()}
    names = {name: (name,) for name in ("x", *parameters)}
    statement = Statement("conv_transpose", "up", names, (NamedValueType("y", (), "float32"),))
    (result,) = (
        Evaluator(Program((given,), ("y",), constants, (statement,))).run({"x": x.numpy()}).values()
    )
    return result


def test_a_product_transposes_what_it_is_told_to() -> None:
    generator = np.random.default_rng(5)
    x, y = (generator.normal(size=size).astype(np.float32) for size in ((2, 4, 3), (2, 5, 4)))
    result = computed("matmul", x=x, y=y, transpose_x=True, transpose_y=True)
    np.testing.assert_allclose(result, x.swapaxes(1, 2) @ y.swapaxes(1, 2), rtol=1e-4)
    result = computed("matmul", x=x[0], y=y[0, 0], transpose_x=True, transpose_y=True)
    np.testing.assert_allclose(result, x[0].T @ y[0, 0], rtol=1e-4)
