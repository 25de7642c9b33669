"""Networks of torch on their way to ONNX."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
import torch
from torch import nn

from edge_imgq.artifact import COMPILER_FOLDER
from edge_imgq.contract import ImageContract
from edge_imgq.errors import ModelError
from edge_imgq.export.torch_network import export_network
from edge_imgq.ports import Port

CONTRACT = ImageContract("denoise", 1, "y")


class Failing(nn.Module):
    """Fails as the exporter's stages do when something stops them: with an error of their own."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__()
        self.cause = cause

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("a stage failed") from self.cause


class Weighted(nn.Module):
    """The image and a plane as channels of one input: the plane is added to each channel."""

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        return 0.5 * seen[:, :3] + seen[:, 3:]


def test_inputs_beside_the_image_are_inputs_of_the_graph_by_their_names() -> None:
    port = Port("sigma", "plane", 1, (0.0,), (50 / 255,))
    contract = ImageContract("denoise", 1, "rgb", multiple=4, further=(port,))
    model = export_network(Weighted().eval(), "network", contract)
    session = onnxruntime.InferenceSession(ir.to_proto(model).SerializeToString())
    rng = np.random.default_rng(1)
    fed = {"image": rng.random((1, 3, 20, 36)), "sigma": rng.random((1, 1, 20, 36))}
    fed = {name: values.astype(np.float32) for name, values in fed.items()}
    result = session.run(None, fed)[0]
    np.testing.assert_allclose(result, 0.5 * fed["image"] + fed["sigma"], atol=1e-6)


def test_an_interrupted_export_is_an_interruption() -> None:
    with pytest.raises(KeyboardInterrupt):
        export_network(Failing(KeyboardInterrupt()).eval(), "network", CONTRACT)


def test_a_network_that_torch_cannot_export_is_named() -> None:
    with pytest.raises(ModelError, match=r"torch cannot export network to ONNX: odd$"):
        export_network(Failing(ValueError("odd")).eval(), "network", CONTRACT)


def test_values_in_other_units_inside_may_round_as_float32_does() -> None:
    """A published SPAN, which multiplies pixels by 255, is 1.1e-5 from torch on one processor."""
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 32, 7, padding=3), nn.Conv2d(32, 1, 7, padding=3)
    network = nn.Sequential(*layers).eval().requires_grad_(False)
    for layer in layers:
        layer.weight.mul_(100)
    image = torch.rand(1, 1, 9, 11)
    model = export_network(network, "network", CONTRACT)
    session = onnxruntime.InferenceSession(ir.to_proto(model).SerializeToString())
    exact = network.double()(image.double()).numpy()
    (result,) = session.run(None, {"image": image.numpy()})
    np.testing.assert_allclose(result, exact, atol=1e-5 * np.abs(exact).max())


def test_nothing_is_left_in_the_folder_for_temporary_files(tmp_path: Path) -> None:
    """Torch's exporter imports its compiler, which would keep a folder there."""
    code = (
        "from torch import nn; from edge_imgq.contract import ImageContract\n"
        "from edge_imgq.export.torch_network import export_network\n"
        "network = nn.Conv2d(1, 1, 3, padding=1).eval()\n"
        "export_network(network, 'n', ImageContract('denoise', 1, 'y'))"
    )
    kept = {k: v for k, v in os.environ.items() if k != COMPILER_FOLDER}
    places = {**kept, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=places, capture_output=True)
    assert not list(tmp_path.iterdir())
