"""A person's torch module as ONNX, with ONNX Runtime and torch as witnesses."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from edge_imgq.errors import ModelError
from edge_imgq.export.torch_module import trace_module

pytestmark = pytest.mark.usefixtures("torch_operators")


class Halving(nn.Module):
    """An encoder and decoder: strides, batch norm, dropout, a skip."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.up = nn.ConvTranspose2d(4, 3, 2, stride=2)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image + self.up(self.drop(torch.relu(self.norm(self.down(image)))))


class Adding(nn.Module):
    """A network that holds one size: a bias for every pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.rand(1, 3, 24, 32))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image + self.bias


class Twice(nn.Module):
    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return image, image


class Branching(nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image + 1 if float(image.mean()) > 0.5 else image


class TwoImages(nn.Module):
    def forward(self, image: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return image + other


class Noisy(nn.Module):
    """What it returns depends on a sum that the exporter takes for a constant."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image + float(torch.rand(()))


def run(model: onnx.ModelProto, image: torch.Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {session.get_inputs()[0].name: image.numpy()})[0]


def test_a_module_runs_in_onnx_runtime_at_other_sizes_than_the_examples() -> None:
    torch.manual_seed(0)
    network = Halving().train()
    network.norm.eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    model = trace_module(network, torch.rand(1, 3, 24, 32), "halving")
    onnx.checker.check_model(model)
    assert (network.training, network.drop.training, network.norm.training) == (True, True, False)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    network.eval()
    for size in ((24, 32), (50, 36)):
        image = torch.rand(1, 3, *size)
        with torch.no_grad():
            np.testing.assert_allclose(run(model, image), network(image).numpy(), atol=1e-5)


def test_a_module_that_holds_its_size_runs_at_that() -> None:
    network = Adding()
    image = torch.rand(1, 3, 24, 32)
    with torch.no_grad():
        np.testing.assert_allclose(
            run(trace_module(network, image, "adding"), image), network(image).numpy(), atol=1e-6
        )


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (nn.Conv2d(3, 3, 1).half(), r"two has weights of float16; .* as network\.float\(\)"),
        (Branching(), "torch cannot export two to ONNX: Could not guard on data-dependent"),
        (TwoImages(), r"two does not run on an example of shape \(1, 3, 16, 16\), alone: TypeE"),
        (nn.Conv2d(1, 1, 1), r"two does not run .* RuntimeError: .*Give an image as the module"),
        (Twice(), "two returns a tuple, not one tensor. Wrap it"),
        (Noisy(), "two: ONNX Runtime differs from torch by|torch cannot export two to ONNX"),
    ],
)
def test_a_module_that_onnx_cannot_stand_for_is_refused_and_nothing_is_printed(
    network: nn.Module, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ModelError, match=said):
        trace_module(network, torch.rand(1, 3, 16, 16), "two")
    assert capfd.readouterr() == ("", "")
